#include "runtime/api/stream.h"

#include <memory>
#include <utility>

#include "runtime/api/errors.h"
#include "runtime/api/generator.h"
#include "runtime/api/get.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::internal {

Stream::Stream(ObjectRef end)
    : client_(*end.state()->client), end_(std::move(end)), next_(NewObjectState({end_.id().task, 1}, &client_)) {}

Stream::~Stream() { client_.ConsumeItems(end_.id().task.index, taken_, true); }

ObjectRef Stream::pending() {
  std::lock_guard lock(mutex_);
  return next_ ? next_ : end_;
}

Stream::Outcome Stream::Next(int64_t timeout_ns, ObjectRef& item) {
  std::lock_guard lock(mutex_);
  if (!next_) return Outcome::kEnd;
  bool ended = false;
  if (client_.Wait(&next_, 1, 1, timeout_ns, &ended).empty()) return Outcome::kTimedOut;
  if (ended) {
    next_ = {};
    return Outcome::kEnd;
  }
  item = std::exchange(next_, ObjectRef(NewObjectState({end_.id().task, ++taken_ + 1}, &client_)));
  client_.ConsumeItems(end_.id().task.index, taken_, false);
  return Outcome::kItem;
}

AnyRefGenerator::AnyRefGenerator(ObjectState* end) : stream_(std::make_unique<Stream>(ObjectRef(end))) {}
AnyRefGenerator::AnyRefGenerator(AnyRefGenerator&&) noexcept = default;
AnyRefGenerator& AnyRefGenerator::operator=(AnyRefGenerator&&) noexcept = default;
AnyRefGenerator::~AnyRefGenerator() = default;

ObjectRef AnyRefGenerator::Next() {
  ObjectRef item;
  stream_->Next(kForEver, item);
  return item;
}

const ObjectRef& AnyRefGenerator::end() const { return stream_->end(); }

// ---- the generator's own side ----

Yielder::Yielder() : Yielder(Client::Current(), CurrentTask()->task, CurrentTask()->execution) {}

bool Yielder::Send(Outgoing& value, std::string bytes) {
  Draft<msg::YieldItem> item;
  item->set_owner(task_.owner.value);
  item->set_index(task_.index);
  item->set_execution(execution_);
  item->set_item(items_);
  if (value.size() > 0)
    item->set_size(value.size());
  else
    item->set_value(std::move(bytes));
  for (const ObjectRef& ref : value.refs()) ToProto(client_.ReferenceOf(ref), item->add_refs());
  value.Taken();
  const Status status = client_.YieldItem(std::move(item));
  if (status.code() == StatusCode::kCancelled) return false;
  if (!status.ok()) ThrowError(status.code(), status.message());
  return true;
}

}  // namespace orrery::internal
