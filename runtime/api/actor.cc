// The parts of actor.h that need Protobuf, and the one object of an actor's process.
#include "runtime/api/actor.h"

#include <set>

#include "runtime/api/actor_object.h"
#include "runtime/api/client.h"
#include "runtime/api/errors.h"
#include "runtime/api/scheduling_classes.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace internal {

namespace {

void Limit(int given, const std::string& what) {
  if (given < 1) throw Error(StatusCode::kInvalidArgument, what + " is a number >= 1, not " + std::to_string(given));
}

void FillConcurrency(const ActorOptions& options, msg::ActorSpec& spec) {
  Limit(options.max_concurrency, "max_concurrency");
  spec.set_max_concurrency(static_cast<uint32_t>(options.max_concurrency));
  std::set<std::string> names;
  for (const ConcurrencyGroup& given : options.concurrency_groups) {
    if (given.name.empty() || !names.insert(given.name).second)
      throw Error(StatusCode::kInvalidArgument, "concurrency groups have names, each its own: '" + given.name + "'");
    Limit(given.max_concurrency, "max_concurrency of the concurrency group " + given.name);
    msg::ConcurrencyGroup& group = *spec.add_concurrency_groups();
    group.set_name(given.name);
    group.set_max_concurrency(static_cast<uint32_t>(given.max_concurrency));
    for (const MethodId& method : given.methods) group.add_functions(method.function);
    for (const std::string& method : given.method_names) group.add_methods(method);
  }
  spec.set_out_of_order(options.allow_out_of_order_execution);
  spec.set_asyncio(options.asyncio);
}

void FillSpec(const ActorOptions& options, msg::ActorSpec& spec) {
  TaskOptions needs;
  needs.num_cpus = options.num_cpus.value_or(1);
  needs.num_gpus = options.num_gpus;
  needs.memory = options.memory;
  needs.resources = options.resources;
  needs.strategy = options.strategy;
  needs.label_selector = options.label_selector;
  needs.preferred_labels = options.preferred_labels;
  needs.fallback_strategy = options.fallback_strategy;
  SchedulingRequest request = RequestFor(needs);
  if (const RunningTask* parent = CurrentTask()) CaptureStrategy(request.strategy, parent->in.capture);
  if (const Status status = ValidateRequest(request.resources); !status.ok())
    throw Error(status.code(), status.message());
  ToProto(request, spec.mutable_placement());
  spec.set_free_cpu(!options.num_cpus.has_value());
  spec.set_name(options.name);
  spec.set_name_space(options.name_space);
  spec.set_get_if_exists(options.get_if_exists);
  spec.set_detached(options.detached);
  spec.set_max_restarts(options.max_restarts);
  spec.set_max_task_retries(options.max_task_retries);
  spec.set_max_pending_calls(options.max_pending_calls);
  FillConcurrency(options, spec);
}

// Of an actor that another process, or an earlier call, has created.
ActorHandle HandleFrom(const msg::ActorInfo& info, const Client& client) {
  ActorHandle handle;
  handle.id = FromProto(info.actor());
  handle.max_task_retries = info.max_task_retries();
  handle.max_pending_calls = info.max_pending_calls();
  handle.out_of_order = info.out_of_order();
  handle.cluster = client.identity().cluster;
  return handle;
}

}  // namespace

ActorHandle Create(Submission& submission, const ActorOptions& options, uint64_t class_tag,
                   const std::string& class_name) {
  if (options.name.empty() && (options.get_if_exists || !options.name_space.empty()))
    throw Error(StatusCode::kInvalidArgument, "get_if_exists and name_space are for actors with a name");
  Client& client = Client::Current();
  auto& submit = submission.message().As<msg::SubmitTask>();
  submit.set_max_retries(0);
  submit.mutable_spec()->set_name(class_name);
  msg::ActorSpec& spec = *submit.mutable_spec()->mutable_actor();
  FillSpec(options, spec);
  spec.set_class_tag(class_tag);
  spec.set_class_name(class_name);
  ActorHandle handle;
  handle.max_task_retries = options.max_task_retries;
  handle.max_pending_calls = options.max_pending_calls;
  handle.out_of_order = options.allow_out_of_order_execution;
  handle.cluster = client.identity().cluster;
  if (options.name.empty()) {
    ObjectRef keeper(submission.Send());
    handle.id = {keeper.task().owner, keeper.task().index};
    if (!options.detached) handle.keeper = std::move(keeper);
    return handle;
  }
  Message answer;
  ObjectRef keeper(submission.SendNamed(&answer));
  const auto& found = answer.As<msg::ActorFound>();
  if (found.status() != 0) ThrowError(static_cast<StatusCode>(found.status()), found.message());
  handle.id = FromProto(found.actor().actor());
  if (handle.id != ActorId{keeper.task().owner, keeper.task().index}) return HandleFrom(found.actor(), client);
  if (!options.detached) handle.keeper = std::move(keeper);
  return handle;
}

FoundActor Find(const std::string& name, const std::string& name_space) {
  Client& client = Client::Current();
  const Message answer = client.FindActor(name, name_space);
  const auto& found = answer.As<msg::ActorFound>();
  if (found.status() != 0) ThrowError(static_cast<StatusCode>(found.status()), found.message());
  return {HandleFrom(found.actor(), client), found.actor().class_tag(), found.actor().class_name()};
}

ActorHandle FindByName(const std::string& name, const std::string& name_space, uint64_t class_tag,
                       const std::string& class_name) {
  FoundActor found = Find(name, name_space);
  if (found.class_tag != class_tag) {
    throw Error(StatusCode::kInvalidArgument,
                "the actor named '" + name + "' is a " + found.class_name + ", not a " + class_name);
  }
  return std::move(found.handle);
}

ObjectState* CallActor(Submission& submission, const ActorHandle& actor, const std::string& group) {
  if (!actor.id) throw Error(StatusCode::kInvalidArgument, "a call through an empty actor handle");
  Client& client = Client::Current();
  if (actor.cluster != client.identity().cluster)
    throw Error(StatusCode::kInvalidArgument, "the handle of " + ToString(actor.id) + " belongs to another cluster");
  auto& submit = submission.message().As<msg::SubmitTask>();
  ToProto(actor.id, submit.mutable_spec()->mutable_callee());
  submit.set_max_retries(actor.max_task_retries);
  submit.set_max_pending_calls(actor.max_pending_calls);
  submit.set_out_of_order(actor.out_of_order);
  if (!group.empty()) submit.mutable_spec()->set_concurrency_group(group);
  if (actor.keeper) ToProto(client.ReferenceOf(actor.keeper), submit.mutable_handle());
  return submission.Send();
}

void KillActor(const ActorHandle& actor, bool no_restart) {
  if (!actor.id) throw Error(StatusCode::kInvalidArgument, "kill of an empty actor handle");
  Client::Current().EndActor(actor.id, no_restart);
}

void Encode(const ActorHandle& actor, uint64_t class_tag, Writer& out) {
  out.Raw(static_cast<uint8_t>(actor.keeper ? 1 : 0));
  out.Raw(class_tag);
  out.Raw(actor.cluster);
  out.Raw(actor.id.owner.value);
  out.Raw(actor.id.index);
  out.Raw(actor.max_task_retries);
  out.Raw(actor.max_pending_calls);
  out.Raw(static_cast<uint8_t>(actor.out_of_order ? 1 : 0));
  if (actor.keeper) EncodeRef(actor.keeper, class_tag, out);
}

ActorHandle DecodeActor(Reader& in, uint64_t class_tag, std::string_view class_name) {
  const bool keeps = in.Raw<uint8_t>() != 0;
  if (in.Raw<uint64_t>() != class_tag) {
    throw MalformedError("the actor handle is not one of a " + std::string(class_name));
  }
  ActorHandle handle;
  handle.cluster = in.Raw<uint64_t>();
  handle.id.owner.value = in.Raw<uint64_t>();
  handle.id.index = in.Raw<uint64_t>();
  handle.max_task_retries = in.Raw<int32_t>();
  handle.max_pending_calls = in.Raw<int64_t>();
  handle.out_of_order = in.Raw<uint8_t>() != 0;
  if (handle.cluster != Client::Current().identity().cluster)
    throw Error(StatusCode::kInvalidArgument, "the handle of " + ToString(handle.id) + " comes from another cluster");
  if (keeps) handle.keeper = ObjectRef(DecodeRef(in, class_tag));
  return handle;
}

// ---- the actor's process ----

namespace {
struct Object {
  std::shared_ptr<void> value;
  uint64_t class_tag = 0;
};
Object& TheObject() {
  static Object object;
  return object;
}
}  // namespace

void SetActorObject(std::shared_ptr<void> object, uint64_t class_tag) { TheObject() = {std::move(object), class_tag}; }

void* ActorObject(uint64_t class_tag) {
  const Object& object = TheObject();
  if (object.value == nullptr || object.class_tag != class_tag)
    throw Error(StatusCode::kInternal, "this process is not an actor of that class");
  return object.value.get();
}

bool IsActor() { return TheObject().value != nullptr; }

}  // namespace internal

void exit_actor() {
  if (!internal::IsActor()) throw Error(StatusCode::kInvalidArgument, "exit_actor is for methods of actors");
  throw internal::ActorExit{};
}

}  // namespace orrery
