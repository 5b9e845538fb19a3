#include "runtime/core_worker/store_client.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void StoreClient::Create(const ObjectReference& object, int64_t size, Purpose purpose, uint64_t request, bool ahead) {
  const auto [it, inserted] = creations_.emplace(object.id, Creation{object, purpose, Room::kAsked, request});
  ORRERY_ASSERT_MSG(inserted, "an object is made twice at the same time");
  Draft<msg::CreateObject> create;
  ToProto(object, create->mutable_object());
  create->set_size(size);
  create->set_ahead(ahead);
  core_.env.Send(core_.options.node_manager, std::move(create));
}

std::optional<StoreClient::Created> StoreClient::OnCreated(const msg::ObjectCreated& reply) {
  const ObjectReference object = FromProto(reply.object());
  auto it = creations_.find(object.id);
  if (it == creations_.end() || (it->second.room != Room::kAsked && it->second.room != Room::kAbandoned)) {
    core_.env.Trace({.kind = TraceKind::kStaleMessage, .task = object.id.task, .text = "ObjectCreated"});
    return std::nullopt;
  }
  Creation& creation = it->second;
  const auto code = static_cast<StatusCode>(reply.status());
  if (creation.room == Room::kAbandoned) {
    if (code == StatusCode::kOk) SendAbort(creation.object);
    creations_.erase(it);
    return std::nullopt;
  }
  Created created{creation.purpose, object.id, creation.request, {}, reply.offset()};
  if (code != StatusCode::kOk) created.status = Status(code, reply.message());
  const bool usable = code == StatusCode::kOk || code == StatusCode::kAlreadyExists;
  creation.room = code == StatusCode::kOk ? Room::kAllocated : Room::kExists;
  if (!usable) {
    creations_.erase(it);
  } else if (creation.purpose != Purpose::kApplication) {
    Seal(object.id);
  }
  return created;
}

void StoreClient::SealInRoom(const ObjectReference& object, int64_t size, int64_t offset) {
  Draft<msg::SealInRoom> seal;
  ToProto(object, seal->mutable_object());
  seal->set_size(size);
  seal->set_offset(offset);
  core_.env.Send(core_.options.node_manager, std::move(seal));
}

bool StoreClient::Seal(ObjectId object) {
  auto it = creations_.find(object);
  if (it == creations_.end() || it->second.room == Room::kAsked || it->second.room == Room::kAbandoned) return false;
  if (it->second.room == Room::kAllocated) SendSeal(it->second.object);
  creations_.erase(it);
  return true;
}

void StoreClient::Abandon(ObjectId object) {
  auto it = creations_.find(object);
  if (it == creations_.end()) return;
  if (it->second.room == Room::kAsked) {
    it->second.room = Room::kAbandoned;  // the answer may be under way
    return;
  }
  if (it->second.room == Room::kAllocated) SendAbort(it->second.object);
  if (it->second.room != Room::kAbandoned) creations_.erase(it);
}

void StoreClient::AbandonTask(TaskId task) {
  std::vector<ObjectId> objects;
  for (auto it = creations_.lower_bound({task, 0}); it != creations_.end() && it->first.task == task; ++it) {
    objects.push_back(it->first);
  }
  for (ObjectId object : objects) Abandon(object);
}

bool StoreClient::Acquire(const ObjectReference& object, int64_t size, uint64_t request) {
  const auto [pin, inserted] = pins_.Insert(object.id, {});
  ++pin->holds;
  if (pin->settled) return true;
  pin->waiting.push_back(request);
  if (!inserted) return false;  // asked for already; perhaps by somebody who wants it no more
  pin->object = object;
  pin->number = ++last_pin_;
  Draft<msg::GetLocal> get;
  ToProto(object, get->mutable_object());
  get->set_size(size);
  get->set_purpose(request == kArguments ? 2 : 0);
  get->set_pin(pin->number);
  core_.env.Send(core_.options.node_manager, std::move(get));
  return false;
}

bool StoreClient::Settled(ObjectId object) const {
  const Pin* pin = pins_.Find(object);
  return pin != nullptr && pin->settled;
}

const ObjectView& StoreClient::Find(ObjectId object) const {
  const Pin* pin = pins_.Find(object);
  ORRERY_ASSERT(pin != nullptr && pin->settled);
  return pin->view;
}

void StoreClient::Drop(ObjectId object) {
  Pin* pin = pins_.Find(object);
  if (pin == nullptr || pin->holds == 0) return;
  --pin->holds;
  MaybeRelease(object, *pin);
}

std::vector<uint64_t> StoreClient::OnLocal(const msg::ObjectLocal& reply) {
  const ObjectId object = FromProto(reply.object()).id;
  Pin* pin = pins_.Find(object);
  if (pin == nullptr || pin->settled || (reply.pin() != 0 && reply.pin() != pin->number)) {
    core_.env.Trace({.kind = TraceKind::kStaleMessage, .task = object.task, .text = "ObjectLocal"});
    return {};
  }
  pin->settled = true;
  pin->view.offset = reply.offset();
  pin->view.size = reply.size();
  if (reply.status() != 0) pin->view.status = Status(static_cast<StatusCode>(reply.status()), reply.message());
  std::vector<uint64_t> waiting = std::move(pin->waiting);
  MaybeRelease(object, *pin);
  return waiting;
}

// An answer that is still to come is waited for, although nobody wants it any more: it would be taken for another's.
void StoreClient::MaybeRelease(ObjectId object, const Pin& pin) {
  if (pin.holds != 0 || !pin.settled) return;
  if (pin.view.status.ok()) {
    Draft<msg::ReleaseLocal> release;
    ToProto(pin.object, release->mutable_object());
    release->set_pin(pin.number);
    core_.env.Send(core_.options.node_manager, std::move(release));
  }
  pins_.Erase(object);
}

std::vector<uint64_t> StoreClient::FailAll(const Status& status) {
  std::vector<ObjectId> objects;
  pins_.CollectKeys(objects);
  std::sort(objects.begin(), objects.end());
  std::vector<uint64_t> waiting;
  for (ObjectId object : objects) {
    Pin& pin = *pins_.Find(object);
    if (pin.settled) continue;
    pin.settled = true;
    pin.view.status = status;
    waiting.insert(waiting.end(), pin.waiting.begin(), pin.waiting.end());
    pin.waiting.clear();
    MaybeRelease(object, pin);
  }
  return waiting;
}

uint32_t StoreClient::HoldsOf(ObjectId object) const {
  const Pin* pin = pins_.Find(object);
  return pin == nullptr ? 0 : pin->holds;
}

void StoreClient::SendSeal(const ObjectReference& object) {
  Draft<msg::SealObject> seal;
  ToProto(object, seal->mutable_object());
  core_.env.Send(core_.options.node_manager, std::move(seal));
}

void StoreClient::SendAbort(const ObjectReference& object) {
  Draft<msg::AbortObject> abort;
  ToProto(object, abort->mutable_object());
  core_.env.Send(core_.options.node_manager, std::move(abort));
}

}  // namespace orrery
