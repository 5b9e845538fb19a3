// The parts of the public headers that need Protobuf: submissions, values, get, wait, put, cancel, context.
#include <algorithm>

#include "runtime/api/client.h"
#include "runtime/api/context.h"
#include "runtime/api/errors.h"
#include "runtime/api/get.h"
#include "runtime/api/outgoing.h"
#include "runtime/api/scheduling_classes.h"
#include "runtime/api/task.h"
#include "runtime/common/settings.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace internal {

// ---- Submission ----

namespace {
uint32_t ClassHere(uint64_t function, uint32_t class_id) {
  const RunningTask* parent = CurrentTask();
  if (parent == nullptr || !parent->in.capture || class_id == 0) return class_id;
  return CapturedClass(function, class_id, parent->in.capture);
}
}  // namespace

Submission::Submission(const FunctionInfo& function, uint32_t class_id, const CallOptions* options)
    : client_(Client::Current()),
      function_(function),
      class_id_(ClassHere(function.id, class_id)),
      message_(Message::New(MessageKind::kSubmitTask)) {
  auto& submit = message_.As<msg::SubmitTask>();
  submit.set_class_id(class_id_);
  submit.set_max_retries(options != nullptr && options->max_retries ? *options->max_retries
                                                                    : client_.options().task_max_retries);
  msg::TaskSpec& spec = *submit.mutable_spec();
  spec.set_function(function.id);
  spec.set_num_returns(1);
  spec.set_streaming(function.streaming);
  if (options == nullptr) return;
  spec.set_num_returns(options->num_returns);
  spec.set_max_unconsumed(options->max_unconsumed);
  submit.set_retry_exceptions(options->retry_exceptions);
  if (!options->name.empty()) spec.set_name(options->name);
}

std::string& Submission::NextArgument() {
  return *message_.As<msg::SubmitTask>().mutable_spec()->add_args()->mutable_value();
}

void Submission::Finish(Outgoing& value) {
  msg::TaskSpec& spec = *message_.As<msg::SubmitTask>().mutable_spec();
  msg::TaskArg& arg = *spec.mutable_args(spec.args_size() - 1);
  if (value.size() == 0) {
    for (const ObjectRef& ref : value.refs()) ToProto(client_.ReferenceOf(ref), arg.add_refs());
    return;
  }
  // Too large to travel with the task: an object of its own, which the task's own reference then keeps.
  kept_.emplace_back(client_.Put(value, {}));
  spec.mutable_args()->RemoveLast();
  AddRef(kept_.back());
}

void Submission::AddRef(const ObjectRef& ref) {
  if (!ref) throw Error(StatusCode::kInvalidArgument, "an empty ref was given to " + std::string(function_.name));
  const ObjectState& state = *ref.state();
  if (state.client != &client_) client_.ReferenceOf(ref);  // throws
  msg::TaskArg& arg = *message_.As<msg::SubmitTask>().mutable_spec()->add_args();
  arg.set_object_owner(state.id.task.owner.value);
  arg.set_object_task(state.id.task.index);
  arg.set_object_index(state.id.index);
  if (state.owner) ToProto(state.owner, arg.mutable_owner_address());
}

ObjectState* Submission::Send() {
  const uint64_t index = Number();
  return client_.Submit(std::move(message_), index, class_id_);
}

ObjectState* Submission::SendNamed(Message* answer) {
  const uint64_t index = Number();
  return client_.SubmitNamed(std::move(message_), index, answer);
}

uint64_t Submission::Number() {
  client_.AwaitRoom();
  msg::TaskSpec& spec = *message_.As<msg::SubmitTask>().mutable_spec();
  const uint64_t index = client_.NextIndex();
  spec.set_owner(client_.identity().worker.value);
  spec.set_job(client_.identity().job.value);
  spec.set_index(index);
  return index;
}

// ---- Values ----

struct Values::Body {
  Body(Client& its_client, Message ready) : client(its_client), answer(std::move(ready)) {}
  // Values in shared memory were pinned for this answer.
  ~Body() {
    const auto& values = answer.As<msg::ObjectsReady>().values();
    for (int i = 0; i < values.size(); ++i) {
      if (InMemory(values[i]) && std::find(taken.begin(), taken.end(), i) == taken.end())
        client.ReleaseView(FromProto(values[i].object()));
    }
  }
  static bool InMemory(const msg::ObjectValue& value) { return value.size() > 0 && value.status() == 0; }
  Client& client;
  Message answer;
  std::vector<int> taken;
};

void Values::Delete::operator()(Body* body) const { delete body; }

Incoming Values::At(size_t i) const {
  const msg::ObjectValue& value = body_->answer.As<msg::ObjectsReady>().values(static_cast<int>(i));
  if (value.status() != 0) ThrowError(static_cast<StatusCode>(value.status()), value.error(), value.stack());
  if (value.size() > 0) return {body_->client.Stored(value.offset(), value.size()), true};
  return {value.value(), false};
}

std::shared_ptr<const void> Values::TakePin(size_t i) {
  struct Pin {
    Client* client;
    ObjectId object;
    std::shared_ptr<ArenaMap> arena;
    ~Pin() { client->ReleaseView(object); }
  };
  const msg::ObjectValue& value = body_->answer.As<msg::ObjectsReady>().values(static_cast<int>(i));
  auto pin = std::make_shared<Pin>(&body_->client, FromProto(value.object()), body_->client.arena());
  body_->taken.push_back(static_cast<int>(i));
  return pin;
}

Values GetValues(const ObjectRef* refs, size_t count, int64_t timeout_ns) {
  Client& client = Client::Current();
  auto* body = new Values::Body(client, client.Get(refs, count, timeout_ns));
  Values values(body);
  const auto& ready = body->answer.As<msg::ObjectsReady>();
  if (ready.status() != 0) {
    throw TimeoutError(std::to_string(count - static_cast<size_t>(ready.values_size())) + " of " +
                       std::to_string(count) + " values were not there within " +
                       ToString(Duration::Nanos(timeout_ns)));
  }
  return values;
}

std::vector<uint32_t> WaitFor(const ObjectRef* refs, size_t count, size_t num_returns, int64_t timeout_ns) {
  return Client::Current().Wait(refs, count, num_returns, timeout_ns);
}

ObjectState* PutValue(Outgoing& value, std::string bytes) { return Client::Current().Put(value, std::move(bytes)); }

}  // namespace internal

void cancel(const ObjectRef& ref, CancelOptions options) {
  internal::Client::Current().Cancel(ref, options.force, options.recursive);
}

Context context() {
  const internal::Identity& identity = internal::Client::Current().identity();
  Context context{.job = identity.job,
                  .node = identity.node,
                  .worker = identity.worker,
                  .task = {},
                  .attempt = 0,
                  .actor = {},
                  .placement_group = {},
                  .gpu_ids = {}};
  if (const internal::RunningTask* task = internal::CurrentTask()) {
    context.task = task->task;
    context.attempt = task->attempt;
    context.actor = task->actor;
    context.placement_group = task->in.group;
    context.gpu_ids = task->in.gpus;
  }
  return context;
}

bool cancelled() {
  const internal::RunningTask* task = internal::CurrentTask();
  return task != nullptr && task->cancelled.load(std::memory_order_relaxed);
}

}  // namespace orrery
