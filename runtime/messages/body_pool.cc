#include "runtime/messages/body_pool.h"

#include <array>
#include <cstddef>
#include <vector>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

using Body = google::protobuf::Message;

constexpr size_t kPerTask = 4096;      // bodies kept of a kind that travels once per task
constexpr size_t kPerCall = 16;        // of one that travels once per get or wait, for many objects
constexpr size_t kSmall = 512;         // bytes of one string in a kept body
constexpr int kFew = 4;                // arguments, returns, GPUs
constexpr int kMany = 8192;            // objects of a call

// How many bodies of a kind are worth keeping; 0 for most.
constexpr size_t Limit(MessageKind kind) {
  switch (kind) {
    case MessageKind::kSubmitTask:
    case MessageKind::kPushTask:
    case MessageKind::kExecuteTask:
    case MessageKind::kTaskExecuted:
    case MessageKind::kTaskReply: return kPerTask;
    case MessageKind::kGetObjects:
    case MessageKind::kObjectsReady:
    case MessageKind::kReleaseObjects: return kPerCall;
    default: return 0;
  }
}

bool Small(const msg::TaskSpec& spec) {
  if (spec.args_size() > kFew || spec.name().size() > kSmall) return false;
  for (const msg::TaskArg& arg : spec.args()) {
    if (arg.value().size() > kSmall) return false;
  }
  return true;
}
template <class Result>
bool SmallResult(const Result& result) {
  return result.error().empty() && result.stack().empty() && result.returns_size() <= 1 &&
         (result.returns_size() == 0 || result.returns(0).size() <= kSmall);
}
bool SmallValues(const msg::ObjectsReady& ready) {
  if (ready.values_size() > kMany) return false;
  for (const msg::ObjectValue& value : ready.values()) {
    if (value.value().size() > kSmall || value.error().size() + value.stack().size() > 0) return false;
  }
  return true;
}

// The fields' memory stays with the body: only what is usual is worth it.
bool WorthKeeping(MessageKind kind, const Body& body) {
  switch (kind) {
    case MessageKind::kSubmitTask: return Small(static_cast<const msg::SubmitTask&>(body).spec());
    case MessageKind::kPushTask: {
      const auto& push = static_cast<const msg::PushTask&>(body);
      return push.gpus_size() <= kFew && Small(push.spec());
    }
    case MessageKind::kExecuteTask: {
      const auto& execute = static_cast<const msg::ExecuteTask&>(body);
      return execute.gpus_size() <= kFew && Small(execute.spec());
    }
    case MessageKind::kTaskExecuted: return SmallResult(static_cast<const msg::TaskExecuted&>(body));
    case MessageKind::kTaskReply: return SmallResult(static_cast<const msg::TaskReply&>(body));
    case MessageKind::kGetObjects: return static_cast<const msg::GetObjects&>(body).objects_size() <= kMany;
    case MessageKind::kObjectsReady: return SmallValues(static_cast<const msg::ObjectsReady&>(body));
    case MessageKind::kReleaseObjects: return static_cast<const msg::ReleaseObjects&>(body).objects_size() <= kMany;
    default: return false;
  }
}

struct Pool {
  std::array<std::vector<Body*>, kMessageKinds> bodies;
  ~Pool();
};
// Messages may die after their thread's pool did: statics outlive thread locals.
thread_local bool pool_is_gone = false;
thread_local Pool pool;

Pool::~Pool() {
  pool_is_gone = true;
  for (auto& kept : bodies) {
    for (Body* body : kept) delete body;
  }
}

}  // namespace

Body* BodyPool::Take(MessageKind kind) {
  if (Limit(kind) == 0 || pool_is_gone) return nullptr;
  auto& kept = pool.bodies[static_cast<size_t>(kind)];
  if (kept.empty()) return nullptr;
  Body* body = kept.back();
  kept.pop_back();
  return body;
}

bool BodyPool::Keep(MessageKind kind, Body* body) {
  if (Limit(kind) == 0 || pool_is_gone) return false;
  auto& kept = pool.bodies[static_cast<size_t>(kind)];
  if (kept.size() >= Limit(kind) || !WorthKeeping(kind, *body)) return false;
  body->Clear();
  kept.push_back(body);
  return true;
}

}  // namespace orrery
