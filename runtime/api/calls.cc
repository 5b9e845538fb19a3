// The parts of the public headers that need Protobuf: submissions, values, get, wait, put, cancel, context.
#include "runtime/api/client.h"
#include "runtime/api/context.h"
#include "runtime/api/errors.h"
#include "runtime/api/get.h"
#include "runtime/api/task.h"
#include "runtime/common/settings.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace internal {

// ---- Submission ----

Submission::Submission(const FunctionInfo& function, uint32_t class_id, const CallOptions* options)
    : client_(Client::Current()),
      function_(function),
      class_id_(class_id),
      message_(Message::New(MessageKind::kSubmitTask)) {
  auto& submit = message_.As<msg::SubmitTask>();
  submit.set_class_id(class_id);
  submit.set_max_retries(options != nullptr && options->max_retries ? *options->max_retries
                                                                    : client_.options().task_max_retries);
  msg::TaskSpec& spec = *submit.mutable_spec();
  spec.set_function(function.id);
  spec.set_num_returns(1);
  if (options == nullptr) return;
  submit.set_retry_exceptions(options->retry_exceptions);
  if (!options->name.empty()) spec.set_name(options->name);
}

std::string& Submission::AddValue() {
  return *message_.As<msg::SubmitTask>().mutable_spec()->add_args()->mutable_value();
}

void Submission::AddRef(const ObjectRef& ref) {
  if (!ref) throw Error(StatusCode::kInvalidArgument, "an empty ref was given to " + std::string(function_.name));
  const ObjectId id = ref.id();
  msg::TaskArg& arg = *message_.As<msg::SubmitTask>().mutable_spec()->add_args();
  arg.set_object_owner(id.task.owner.value);
  arg.set_object_task(id.task.index);
  arg.set_object_index(id.index);
}

ObjectState* Submission::Send() {
  msg::TaskSpec& spec = *message_.As<msg::SubmitTask>().mutable_spec();
  const uint64_t limit = client_.options().inline_limit;
  for (const msg::TaskArg& arg : spec.args()) {
    if (arg.value().size() > limit)
      ThrowTooLarge("an argument of " + std::string(function_.name), arg.value().size(), limit);
  }
  client_.AwaitRoom();
  const uint64_t index = client_.NextIndex();
  spec.set_owner(client_.identity().worker.value);
  spec.set_job(client_.identity().job.value);
  spec.set_index(index);
  return client_.Submit(std::move(message_), index, class_id_);
}

// ---- Values ----

struct Values::Body {
  Message answer;
};

void Values::Delete::operator()(Body* body) const { delete body; }

std::string_view Values::At(size_t i) const {
  const auto& ready = body_->answer.As<msg::ObjectsReady>();
  const msg::ObjectValue& value = ready.values(static_cast<int>(i));
  if (value.status() != 0) ThrowError(static_cast<StatusCode>(value.status()), value.error(), value.stack());
  return value.value();
}

Values GetValues(const ObjectRef* refs, size_t count, int64_t timeout_ns) {
  Message answer = Client::Current().Get(refs, count, timeout_ns);
  const auto& ready = answer.As<msg::ObjectsReady>();
  if (ready.status() != 0) {
    throw TimeoutError(std::to_string(count - static_cast<size_t>(ready.values_size())) + " of " +
                       std::to_string(count) + " values were not there within " +
                       ToString(Duration::Nanos(timeout_ns)));
  }
  return Values(new Values::Body{std::move(answer)});
}

std::vector<uint32_t> WaitFor(const ObjectRef* refs, size_t count, size_t num_returns, int64_t timeout_ns) {
  return Client::Current().Wait(refs, count, num_returns, timeout_ns);
}

ObjectState* PutValue(std::string bytes) { return Client::Current().Put(std::move(bytes)); }

}  // namespace internal

void cancel(const ObjectRef& ref, CancelOptions options) {
  internal::Client::Current().Cancel(ref, options.force, options.recursive);
}

Context context() {
  const internal::Identity& identity = internal::Client::Current().identity();
  Context context{
      .job = identity.job, .node = identity.node, .worker = identity.worker, .task = {}, .attempt = 0, .gpu_ids = {}};
  if (const internal::RunningTask* task = internal::CurrentTask()) {
    context.task = task->task;
    context.attempt = task->attempt;
    context.gpu_ids = task->gpus;
  }
  return context;
}

bool cancelled() {
  const internal::RunningTask* task = internal::CurrentTask();
  return task != nullptr && task->cancelled.load(std::memory_order_relaxed);
}

}  // namespace orrery
