#include "runtime/api/client.h"

#include <algorithm>
#include <utility>

#include "runtime/api/errors.h"
#include "runtime/api/guest.h"
#include "runtime/api/scheduling_classes.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::internal {

namespace {

constexpr size_t kReleaseBatch = 128;

std::atomic<Client*>& CurrentSlot() {
  static std::atomic<Client*> current{nullptr};
  return current;
}

// Refs point to clients and may live in statics: clients stay for ever, reachable from here.
void Keep(Client* client) {
  static auto* clients = new std::vector<Client*>;
  clients->push_back(client);
}

}  // namespace

RunningTask*& CurrentTask() {
  thread_local RunningTask* task = nullptr;
  return task;
}

uint32_t CurrentExecution() { return CurrentTask() == nullptr ? 0 : CurrentTask()->execution; }

Client* Client::CurrentOrNull() { return CurrentSlot().load(std::memory_order_acquire); }

Client& Client::Current() {
  Client* client = CurrentOrNull();
  if (client == nullptr)
    throw UnavailableError("no session is open in this process: call orrery::init or orrery::main first");
  return *client;
}

Client& Client::Open(Backend& backend, Identity identity, ClientOptions options) {
  auto* client = new Client(backend, identity, options);
  Keep(client);
  CurrentSlot().store(client, std::memory_order_release);
  return *client;
}

Client::Client(Backend& backend, Identity identity, ClientOptions options)
    : backend_(backend), identity_(identity), options_(options) {}

void Client::Close() {
  open_.store(false);
  Client* self = this;
  CurrentSlot().compare_exchange_strong(self, nullptr);
  std::lock_guard lock(arena_mutex_);
  arena_.reset();  // views that are still looked through keep it
}

void Client::AfterFork() {
  open_.store(false);
  CurrentSlot().store(nullptr);
}

void Client::Break(const std::string& why) {
  std::lock_guard lock(mutex_);
  broken_why_ = why;
  broken_.store(true);
  open_.store(false);
}

void Client::CheckOpen() {
  if (open_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(mutex_);
  throw UnavailableError(broken_.load() ? broken_why_ : "the session has ended");
}

bool Client::Block(Call& call) {
  blocked_.fetch_add(1);
  const bool completed = open_.load() && backend_.Await(call);
  blocked_.fetch_sub(1);
  return completed;
}

// ---- submitting ----

void Client::DefineUpTo(uint32_t class_id) {
  std::lock_guard lock(class_mutex_);
  for (uint32_t id = classes_defined_.load() + 1; id <= class_id; ++id) {
    Draft<msg::DefineClass> define;
    define->set_class_id(id);
    ToProto(SchedulingClassOf(id), define->mutable_spec());
    backend_.Post(std::move(define));
    classes_defined_.store(id);
  }
}

ObjectState* Client::Submit(Message message, uint64_t index, uint32_t class_id) {
  CheckOpen();
  if (class_id > classes_defined_.load(std::memory_order_acquire)) DefineUpTo(class_id);
  SetParent(message);
  backend_.Post(std::move(message));
  return NewObject(index);
}

void Client::SetParent(Message& message) {
  const RunningTask* parent = CurrentTask();
  if (parent == nullptr) return;
  auto& submit = message.As<msg::SubmitTask>();
  submit.set_parent(parent->task.index);
  submit.set_parent_owner(parent->task.owner.value);
}

ObjectState* Client::SubmitNamed(Message message, uint64_t index, Message* answer) {
  CheckOpen();
  SetParent(message);
  const uint64_t request = next_request_.fetch_add(1) + 1;
  message.As<msg::SubmitTask>().set_request(request);
  *answer = Perform(request, std::move(message));
  return NewObject(index);
}

Message Client::FindActor(const std::string& name, const std::string& name_space) {
  CheckOpen();
  const uint64_t request = next_request_.fetch_add(1) + 1;
  Draft<msg::GetActor> find;
  find->set_request(request);
  find->set_name(name);
  find->set_name_space(name_space);
  return Perform(request, std::move(find));
}

Message Client::AskAboutGroup(Message question) {
  CheckOpen();
  const uint64_t request = next_request_.fetch_add(1) + 1;
  switch (question.kind()) {
    case MessageKind::kCreatePlacementGroup: question.As<msg::CreatePlacementGroup>().set_request(request); break;
    case MessageKind::kFindPlacementGroup: question.As<msg::FindPlacementGroup>().set_request(request); break;
    case MessageKind::kRemovePlacementGroup: question.As<msg::RemovePlacementGroup>().set_request(request); break;
    default: {
      auto& await = question.As<msg::AwaitPlacementGroup>();
      await.set_request(request);
      await.set_from_task(CurrentExecution());
    }
  }
  return Perform(request, std::move(question));
}

void Client::EndActor(ActorId actor, bool no_restart) {
  CheckOpen();
  Draft<msg::EndActor> end;
  ToProto(actor, end->mutable_actor());
  end->set_no_restart(no_restart);
  backend_.Post(std::move(end));
}

void Client::AwaitRoom() {
  if (unfinished() < options_.max_pending_tasks / 2) return;
  if (counting_.load() == Counting::kOff) {
    std::lock_guard lock(mutex_);
    if (counting_.load() == Counting::kOff) {
      counting_.store(Counting::kAsked);
      handed_over_ = next_index_.load() - puts_.load();
      backend_.CountFinished(*this);
    }
  }
  while (unfinished() >= options_.max_pending_tasks && open_.load()) {
    if (CurrentTask() != nullptr) {
      // Waiting for the newest task lends this task's CPU to its children; without it they might never run.
      const ObjectRef newest(NewObject(next_index_.load()));
      Wait(&newest, 1, 1, Duration::Millis(100).ns);
      continue;
    }
    Call call;
    {
      std::lock_guard lock(mutex_);
      room_waiters_.push_back(&call);
      room_wanted_.store(true);
    }
    // A task that finished before the flag was seen wakes nobody.
    const bool room = unfinished() < options_.max_pending_tasks;
    if (!room && Block(call)) continue;
    std::lock_guard lock(mutex_);
    std::erase(room_waiters_, &call);
    if (call.given_up) throw InterruptedError();
    if (!room) throw UnavailableError("the session ended while a task waited to be submitted");
    return;
  }
}

void Client::SetUnfinished(uint64_t unfinished) {
  {
    std::lock_guard lock(mutex_);
    // Other threads may have handed tasks over since: these count as unfinished, which they are or soon were.
    finished_.store(handed_over_ - std::min(handed_over_, unfinished));
    counting_.store(Counting::kOn);
  }
  WakeIfRoom();
}

void Client::OnTaskFinished() {
  finished_.fetch_add(1);
  WakeIfRoom();
}

void Client::WakeIfRoom() {
  if (!room_wanted_.load()) return;
  // Some room at once, so that blocked submitters are not woken for every task.
  if (unfinished() > options_.max_pending_tasks - options_.max_pending_tasks / 16) return;
  std::lock_guard lock(mutex_);
  room_wanted_.store(false);
  for (Call* call : room_waiters_) backend_.Complete(*call);
  room_waiters_.clear();
}

void Client::Cancel(const ObjectRef& ref, bool force, bool recursive) {
  CheckOpen();
  ReferenceOf(ref);
  if (ref.task().owner != identity_.worker)
    throw Error(StatusCode::kInvalidArgument, "only the process that submitted a task can cancel it");
  Draft<msg::CancelTask> cancel;
  cancel->set_index(ref.task().index);
  cancel->set_force(force);
  cancel->set_recursive(recursive);
  backend_.Post(std::move(cancel));
}

// ---- letting go ----

void Client::Release(ObjectId object) {
  if (!open_.load(std::memory_order_relaxed)) return;
  bool full = false;
  {
    std::lock_guard lock(release_mutex_);
    released_.push_back(object);
    full = released_.size() >= kReleaseBatch;
  }
  if (full) FlushReleased();
}

void Client::FlushReleased() {
  std::vector<ObjectId> objects;
  {
    std::lock_guard lock(release_mutex_);
    if (released_.empty()) return;
    objects.swap(released_);
    released_.reserve(kReleaseBatch);
  }
  Draft<msg::ReleaseObjects> release;
  release->mutable_objects()->Reserve(static_cast<int>(objects.size()));
  for (ObjectId object : objects) ToProto(object, release->add_objects());
  backend_.Post(std::move(release));
}

// ---- waiting ----

Message Client::Perform(uint64_t request, Message message) {
  Call call;
  RunningTask* task = CurrentTask();
  call.task = task;
  {
    std::lock_guard lock(mutex_);
    calls_.Insert(request, &call);
    if (task != nullptr) task_requests_.push_back(request);
  }
  // An interrupt sets the flag before it looks for calls: one of the two sees the other.
  const bool too_late = task != nullptr && task->cancelled.load();
  bool answered = false;
  if (!too_late) {
    backend_.Post(std::move(message));
    answered = Block(call);
  }
  {
    std::lock_guard lock(mutex_);
    calls_.Erase(request);
    if (task != nullptr) std::erase(task_requests_, request);
  }
  if (call.given_up) {
    if (call.answer) ReleaseAll(call.answer);
    throw InterruptedError();
  }
  if (too_late || call.interrupted) throw CancelledError("this task was cancelled while it waited");
  if (!answered) {
    CheckOpen();
    throw UnavailableError("the session ended during the call");
  }
  return std::move(call.answer);
}

Message Client::Get(const ObjectRef* refs, size_t count, int64_t timeout_ns) {
  CheckOpen();
  FlushReleased();
  const uint64_t request = next_request_.fetch_add(1) + 1;
  Draft<msg::GetObjects> get;
  get->set_request(request);
  get->set_timeout_ns(timeout_ns);
  get->set_from_task(CurrentExecution());
  get->mutable_objects()->Reserve(static_cast<int>(count));
  for (size_t i = 0; i < count; ++i) {
    if (!refs[i]) throw Error(StatusCode::kInvalidArgument, "get of an empty ref");
    if (refs[i].state()->client != this) ReferenceOf(refs[i]);  // throws
    ToProto(refs[i].id(), get->add_objects());
  }
  return Perform(request, std::move(get));
}

std::vector<uint32_t> Client::Wait(const ObjectRef* refs, size_t count, size_t num_returns, int64_t timeout_ns,
                                   bool* ended) {
  CheckOpen();
  FlushReleased();
  const uint64_t request = next_request_.fetch_add(1) + 1;
  Draft<msg::WaitObjects> wait;
  wait->set_request(request);
  wait->set_num_returns(static_cast<uint32_t>(std::min(num_returns, count)));
  wait->set_timeout_ns(timeout_ns);
  wait->set_from_task(CurrentExecution());
  for (size_t i = 0; i < count; ++i) {
    if (!refs[i]) throw Error(StatusCode::kInvalidArgument, "wait for an empty ref");
    if (refs[i].state()->client != this) ReferenceOf(refs[i]);  // throws
    ToProto(refs[i].id(), wait->add_objects());
  }
  const Message answer = Perform(request, std::move(wait));
  const auto& ready = answer.As<msg::WaitReply>().ready();
  if (ended != nullptr) *ended = answer.As<msg::WaitReply>().ended_size() > 0;
  return {ready.begin(), ready.end()};
}

Status Client::YieldItem(Message item) {
  CheckOpen();
  FlushReleased();
  const uint64_t request = next_request_.fetch_add(1) + 1;
  item.As<msg::YieldItem>().set_request(request);
  const Message answer = Perform(request, std::move(item));
  const auto& yielded = answer.As<msg::ItemYielded>();
  return {static_cast<StatusCode>(yielded.status()), yielded.message()};
}

void Client::ConsumeItems(uint64_t task, uint32_t taken, bool drop) {
  if (!open_.load(std::memory_order_relaxed)) return;
  Draft<msg::ConsumeItems> notice;
  notice->set_index(task);
  notice->set_taken(taken);
  notice->set_drop(drop);
  backend_.Post(std::move(notice));
}

void Client::OnMessage(Message message) {
  if (message.kind() == MessageKind::kGiveRooms) return AddRooms(message.As<msg::GiveRooms>());
  if (message.kind() == MessageKind::kReclaimRooms) return ReturnRooms();
  uint64_t request = 0;
  if (message.kind() == MessageKind::kObjectsReady)
    request = message.As<msg::ObjectsReady>().request();
  else if (message.kind() == MessageKind::kWaitReply)
    request = message.As<msg::WaitReply>().request();
  else if (message.kind() == MessageKind::kObjectAllocated)
    request = message.As<msg::ObjectAllocated>().request();
  else if (message.kind() == MessageKind::kActorFound)
    request = message.As<msg::ActorFound>().request();
  else if (message.kind() == MessageKind::kItemYielded)
    request = message.As<msg::ItemYielded>().request();
  else if (message.kind() == MessageKind::kPlacementGroupReply)
    request = message.As<msg::PlacementGroupReply>().request();
  std::unique_lock lock(mutex_);
  Call** call = calls_.Find(request);
  if (call != nullptr && !(*call)->interrupted) {
    (*call)->answer = std::move(message);
    return backend_.Complete(**call);
  }
  lock.unlock();
  ReleaseAll(message);  // the caller was interrupted
}

void Client::InterruptTask(const RunningTask& task) {
  std::lock_guard lock(mutex_);
  for (uint64_t request : task_requests_) {
    Call& call = **calls_.Find(request);
    if (call.task != &task || call.answer || call.interrupted) continue;
    call.interrupted = true;
    backend_.Complete(call);
  }
}

}  // namespace orrery::internal
