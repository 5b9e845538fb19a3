#include "runtime/object_store/object_store.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

using Pin = LocalObject::Pin;
using State = LocalObject::State;

ObjectStore::ObjectStore(Env& env, const Settings& settings, const ObjectStoreOptions& options)
    : context_{env, settings, options.self, options.memory, {}},
      objects_(env, options.capacity),
      owners_(context_, objects_, *this),
      rooms_(context_, objects_),
      residency_(context_, objects_, owners_, *this),
      server_(context_, objects_, residency_.pulls()),
      arguments_(context_, objects_, residency_) {}

bool ObjectStore::Handles(MessageKind kind) {
  switch (kind) {
    case MessageKind::kCreateObject:
    case MessageKind::kSealObject:
    case MessageKind::kSealInRoom:
    case MessageKind::kReturnRooms:
    case MessageKind::kAbortObject:
    case MessageKind::kGetLocal:
    case MessageKind::kReleaseLocal:
    case MessageKind::kFreeObjects:
    case MessageKind::kObjectCopiesReply:
    case MessageKind::kObjectLocation:
    case MessageKind::kPullChunk:
    case MessageKind::kChunkReady:
    case MessageKind::kEndPull:
    case MessageKind::kChunkFetched:
    case MessageKind::kSpillWritten:
    case MessageKind::kSpillRead: return true;
    default: return false;
  }
}

void ObjectStore::OnMessage(const Address& from, const Message& message) {
  touched_ = true;
  switch (message.kind()) {
    case MessageKind::kCreateObject: return OnCreateObject(from, message.As<msg::CreateObject>());
    case MessageKind::kSealObject: return OnSealObject(from, message.As<msg::SealObject>());
    case MessageKind::kSealInRoom: return OnSealInRoom(from, message.As<msg::SealInRoom>());
    case MessageKind::kReturnRooms:
      for (int64_t room : message.As<msg::ReturnRooms>().offsets()) rooms_.Return(from, room);
      return;
    case MessageKind::kAbortObject: return OnAbortObject(from, message.As<msg::AbortObject>());
    case MessageKind::kGetLocal: return OnGetLocal(from, message.As<msg::GetLocal>());
    case MessageKind::kReleaseLocal: {
      const auto& release = message.As<msg::ReleaseLocal>();
      return Release(from, FromProto(release.object()).id, release.pin());
    }
    case MessageKind::kFreeObjects: return OnFreeObjects(from, message.As<msg::FreeObjects>());
    case MessageKind::kObjectCopiesReply: return OnObjectCopiesReply(from, message.As<msg::ObjectCopiesReply>());
    case MessageKind::kObjectLocation: {
      return residency_.pulls().OnObjectLocation(from, message.As<msg::ObjectLocation>());
    }
    case MessageKind::kPullChunk: return OnPullChunk(from, message.As<msg::PullChunk>());
    case MessageKind::kChunkReady: return residency_.pulls().OnChunkReady(from, message.As<msg::ChunkReady>());
    case MessageKind::kEndPull: return OnPullsEnded({server_.OnEndPull(from, message.As<msg::EndPull>())});
    case MessageKind::kChunkFetched: return residency_.pulls().OnChunkFetched(message.As<msg::ChunkFetched>());
    case MessageKind::kSpillWritten: return residency_.OnSpillWritten(message.As<msg::SpillWritten>());
    case MessageKind::kSpillRead: return residency_.OnSpillRead(message.As<msg::SpillRead>());
    default: ORRERY_ASSERT_MSG(false, "a message that object stores do not handle");
  }
}

// ---- clients --------------------------------------------------------------------------------------------------------

void ObjectStore::OnCreateObject(const Address& from, const msg::CreateObject& request) {
  const ObjectReference ref = FromProto(request.object());
  Status status = owners_.Meet(ref);
  if (status.ok()) status = residency_.CheckSize(ref.id, request.size());
  if (!status.ok()) return SendCreated(from, ref, status, 0);
  Client& client = clients_[from];
  if (client.creating.count(ref.id) != 0) {
    const LocalObject* object = objects_.Find(ref.id);
    if (object == nullptr || object->state != State::kCreating) return;  // in the queue: the answer is to come
    if (object->size != request.size()) status = {StatusCode::kInvalidArgument, "asked for again with another size"};
    return SendCreated(from, ref, status, object->offset);
  }
  client.creating.insert(ref.id);
  residency_.Create({.client = from, .ref = ref, .size = request.size(), .ahead = request.ahead()});
}

void ObjectStore::OnCreated(const Creation& creation, LocalObject* object, const Status& status) {
  if (object == nullptr || creation.in_room()) clients_.at(creation.client).creating.erase(creation.ref.id);
  if (creation.in_room()) {
    if (object != nullptr) residency_.Sealed(*object);
    return;
  }
  if (object == nullptr) return SendCreated(creation.client, creation.ref, status, 0);
  SendCreated(creation.client, creation.ref, status, object->offset);
  if (creation.ahead) rooms_.Give(creation.client, creation.size);
}

void ObjectStore::SendCreated(const Address& client, const ObjectReference& ref, const Status& status, int64_t offset) {
  Draft<msg::ObjectCreated> reply;
  ToProto(ref, reply->mutable_object());
  reply->set_status(static_cast<uint32_t>(status.code()));
  reply->set_message(status.message());
  reply->set_offset(offset);
  context_.env.Send(client, std::move(reply));
}

void ObjectStore::OnSealObject(const Address& from, const msg::SealObject& request) {
  const ObjectId id = FromProto(request.object()).id;
  const auto client = clients_.find(from);
  LocalObject* object = objects_.Find(id);
  const bool making = client != clients_.end() && client->second.creating.count(id) != 0 && object != nullptr &&
                      object->state == State::kCreating;
  if (!making)
    return context_.env.Trace({.kind = TraceKind::kStaleMessage, .node = context_.node, .text = "SealObject"});
  client->second.creating.erase(id);
  residency_.Sealed(*object);
}

void ObjectStore::OnSealInRoom(const Address& from, const msg::SealInRoom& request) {
  const ObjectReference ref = FromProto(request.object());
  Client& client = clients_[from];
  const bool known = owners_.Meet(ref).ok() && client.creating.count(ref.id) == 0;
  if (!known) rooms_.Return(from, request.offset());
  if (!known || !rooms_.Take(from, request.offset(), request.size()))
    return context_.env.Trace({.kind = TraceKind::kStaleMessage, .node = context_.node, .text = "SealInRoom"});
  client.creating.insert(ref.id);
  residency_.Create({.client = from, .ref = ref, .size = request.size(), .room = request.offset()});
}

void ObjectStore::OnAbortObject(const Address& from, const msg::AbortObject& request) {
  const ObjectId id = FromProto(request.object()).id;
  const auto client = clients_.find(from);
  if (client == clients_.end() || client->second.creating.erase(id) == 0) return;
  residency_.CancelCreation(from, id);
  LocalObject* object = objects_.Find(id);
  if (object != nullptr && object->state == State::kCreating) residency_.Aborted(*object);
}

void ObjectStore::OnGetLocal(const Address& from, const msg::GetLocal& request) {
  const ObjectReference ref = FromProto(request.object());
  const uint64_t pin = request.pin();
  if (const Status status = owners_.Meet(ref); !status.ok()) return SendAbsent(from, ref, pin, status);
  LocalObject* object = objects_.Find(ref.id);
  Client& client = clients_[from];
  if (const auto pinned = client.pinned.find(ref.id); pinned != client.pinned.end()) {
    if (pin < pinned->second) return;  // a late copy
    client.last_pin = std::max(client.last_pin, pin);
    return Give(from, *object, pin);
  }
  const auto waiting = client.waiting.find(ref.id);
  if (waiting == client.waiting.end() && pin != 0 && pin <= client.last_pin) {
    return context_.env.Trace({.kind = TraceKind::kStaleMessage, .node = context_.node, .text = "GetLocal"});
  }
  client.last_pin = std::max(client.last_pin, pin);
  if (object != nullptr && object->doomed && object->readable()) {
    const Status freed(StatusCode::kObjectLost, ToString(ref.id) + " was freed by its owner");
    const Status orphan(StatusCode::kOwnerDied, "the owner of " + ToString(ref.id) + " is gone");
    return SendAbsent(from, ref, pin, object->orphan ? orphan : freed);
  }
  const auto urgency = request.purpose() == 0   ? Urgency::kGet
                       : request.purpose() == 1 ? Urgency::kWait
                                                : Urgency::kArgument;
  object = residency_.Bring(ref, std::max<int64_t>(0, request.size()), urgency, ObjectWaiter::Client(from));
  if (object != nullptr) return Give(from, *object, pin);
  Wait& wait = client.waiting[ref.id];
  wait = {ref, std::max(wait.pin, pin)};
}

void ObjectStore::Give(const Address& address, LocalObject& object, uint64_t pin) {
  const auto [it, added] = clients_[address].pinned.try_emplace(object.id(), pin);
  if (added) objects_.AddPin(object, Pin::kClient);
  it->second = pin;
  Draft<msg::ObjectLocal> reply;
  ToProto(object.ref, reply->mutable_object());
  reply->set_offset(object.offset);
  reply->set_size(object.size);
  reply->set_pin(pin);
  context_.env.Send(address, std::move(reply));
}

void ObjectStore::SendAbsent(const Address& client, const ObjectReference& ref, uint64_t pin, const Status& status) {
  Draft<msg::ObjectLocal> reply;
  ToProto(ref, reply->mutable_object());
  reply->set_status(static_cast<uint32_t>(status.code()));
  reply->set_message(status.message());
  reply->set_pin(pin);
  context_.env.Send(client, std::move(reply));
}

void ObjectStore::Release(const Address& from, ObjectId id, uint64_t pin) {
  const auto it = clients_.find(from);
  if (it == clients_.end()) return;
  Client& client = it->second;
  if (const auto wait = client.waiting.find(id);
      wait != client.waiting.end() && (pin == 0 || pin == wait->second.pin)) {
    client.waiting.erase(wait);
    residency_.GiveUp(id, ObjectWaiter::Client(from));
  }
  if (const auto pinned = client.pinned.find(id);
      pinned != client.pinned.end() && (pin == 0 || pin == pinned->second)) {
    client.pinned.erase(pinned);
    LocalObject& object = *objects_.Find(id);
    objects_.DropPin(object, Pin::kClient);
    residency_.Released(object);
  }
}

void ObjectStore::OnClientLost(const Address& address) {
  rooms_.OnClientLost(address);
  const auto it = clients_.find(address);
  if (it == clients_.end()) return;
  const Client client = it->second;
  for (const auto& [id, wait] : client.waiting) Release(address, id, 0);
  for (const auto& [id, pin] : client.pinned) Release(address, id, 0);
  for (ObjectId id : client.creating) {
    residency_.CancelCreation(address, id);
    LocalObject* object = objects_.Find(id);
    if (object != nullptr && object->state == State::kCreating) residency_.Aborted(*object);
  }
  clients_.erase(address);
}

bool ObjectStore::Views(const Address& client, ObjectId object) const {
  const auto it = clients_.find(client);
  return it != clients_.end() && it->second.pinned.count(object) != 0;
}

void ObjectStore::OnPresent(LocalObject& object, const ObjectWaiter& waiter) {
  if (waiter.kind == ObjectWaiter::Kind::kPeers) return server_.Progress(object);
  if (waiter.kind == ObjectWaiter::Kind::kLease) return arguments_.OnPresent(waiter.lease, object);
  Client& client = clients_.at(waiter.client);
  const uint64_t pin = client.waiting.at(object.id()).pin;
  client.waiting.erase(object.id());
  Give(waiter.client, object, pin);
}

void ObjectStore::OnAbsent(ObjectId object, const ObjectWaiter& waiter, const Status& status) {
  if (waiter.kind == ObjectWaiter::Kind::kPeers) return server_.Refuse(object, status.code());
  if (waiter.kind == ObjectWaiter::Kind::kLease) return arguments_.OnAbsent(waiter.lease, status);
  Client& client = clients_.at(waiter.client);
  const Wait wait = client.waiting.at(object);
  client.waiting.erase(object);
  SendAbsent(waiter.client, wait.ref, wait.pin, status);
}

// ---- owners and other nodes -----------------------------------------------------------------------------------------

void ObjectStore::Free(const Address& owner, ObjectId id) {
  // Only the owner's word counts.
  if (owners_.IdOf(owner) == id.task.owner) residency_.Free(id, {StatusCode::kObjectLost, ToString(id) + " was freed"});
}

void ObjectStore::OnFreeObjects(const Address& from, const msg::FreeObjects& request) {
  for (const msg::ObjectKey& key : request.objects()) Free(from, FromProto(key));
  Draft<msg::ObjectsFreed> reply;
  reply->set_request(request.request());
  context_.env.Send(from, std::move(reply));
}

void ObjectStore::OnObjectCopiesReply(const Address& from, const msg::ObjectCopiesReply& reply) {
  owners_.OnObjectCopiesReply(from);
  for (const msg::ObjectKey& key : reply.unwanted()) Free(from, FromProto(key));
  for (const msg::ObjectKey& key : reply.primary()) {
    LocalObject* object = objects_.Find(FromProto(key));
    if (object != nullptr && object->ref.owner == from) objects_.SetPrimary(*object);
  }
}

void ObjectStore::OnOwnerDead(WorkerId owner) {
  residency_.OwnerDead(owner);
  owners_.Forget(owner);
}

void ObjectStore::OnPullChunk(const Address& from, const msg::PullChunk& request) {
  if (!server_.OnPullChunk(from, request)) return;
  const ObjectId id = FromProto(request.object());
  const LocalObject* object = objects_.Find(id);
  const bool on_disk = object != nullptr && (object->state == State::kSpilled || object->state == State::kRestoring);
  if (object != nullptr && !object->doomed && on_disk) {
    residency_.Bring(object->ref, object->size, Urgency::kGet, ObjectWaiter::Peers());
  } else if ((object == nullptr && !residency_.Wanted(id)) || (object != nullptr && object->doomed)) {
    server_.Refuse(id, StatusCode::kNotFound);
  }
}

void ObjectStore::OnPullsEnded(const std::vector<ObjectId>& ids) {
  for (ObjectId id : ids) {
    if (!server_.Awaited(id)) residency_.GiveUp(id, ObjectWaiter::Peers());
    if (LocalObject* object = objects_.Find(id)) residency_.Released(*object);
  }
}

void ObjectStore::OnPeerLost(const Address& peer) {
  touched_ = true;
  OnClientLost(peer);
  OnPullsEnded(server_.OnPeerLost(peer));
  residency_.pulls().OnPeerLost(peer);
  const WorkerId owner = owners_.IdOf(peer);
  if (owner) owners_.OnPeerLost(peer, residency_.WantsOf(owner));
}

void ObjectStore::OnNodeDied(NodeId node) {
  touched_ = true;
  OnPullsEnded(server_.OnNodeDied(node));
  owners_.OnNodeDied(node);
  residency_.pulls().OnNodeDied(node);
}

void ObjectStore::OnProcessDead(WorkerId process) {
  touched_ = true;
  owners_.OnProcessDead(process);
}

void ObjectStore::OnTimer(TimerKind kind, uint64_t id) {
  touched_ = true;
  switch (kind) {
    case TimerKind::kPullRetry: return residency_.pulls().OnTimer(id);
    case TimerKind::kOwnerCheck: return owners_.OnTimer(id);
    case TimerKind::kSpill: return residency_.OnSpillTimer();
    case TimerKind::kCreateTimeout: return residency_.OnCreateTimer();
    case TimerKind::kRoomsAhead: return rooms_.OnTimer();
    default: ORRERY_ASSERT_MSG(false, "a timer that object stores do not set");
  }
}

// Each part may give the others something to do; every turn ends some lease's or client's wait.
void ObjectStore::SettleAll() {
  touched_ = false;
  do {
    arguments_.Admit();
    residency_.Settle();
    for (const auto& [lease, status] : arguments_.TakeOutcomes()) listener_->OnArguments(lease, status);
  } while (!arguments_.quiet());
  owners_.Flush();
}

// ---- looking --------------------------------------------------------------------------------------------------------

void ObjectStore::Fill(msg::ObjectTable& table) const {
  table.set_node(context_.node.value);
  table.set_capacity(objects_.arena().capacity());
  table.set_used(objects_.arena().used());
  table.set_ahead(objects_.reserved_bytes());
  table.set_spilled(residency_.spills().bytes_on_disk());
  for (const auto& [id, object] : objects_.all()) {
    msg::ObjectRow* row = table.add_rows();
    ToProto(object.ref, row->mutable_object());
    row->set_size(object.size);
    const std::string_view state = LocalObject::Name(object.state);
    row->set_state(state.data(), state.size());
    row->set_node(context_.node.value);
    if (object.in_memory()) row->add_locations(context_.node.value);
    if (object.on_disk()) row->add_spilled_at(context_.node.value);
    row->set_pins(object.pins[0] + object.pins[1] + object.pins[2]);
    row->set_primary(object.primary);
  }
}

bool ObjectStore::idle() const {
  return residency_.idle() && objects_.rooms() == 0 && residency_.pulls().size() == 0 &&
         residency_.spills().reads() == 0 && residency_.spills().writing() == 0 && server_.size() == 0 &&
         arguments_.size() == 0 && owners_.settled();
}

void ObjectStore::CheckInvariants(bool full) const {
  ORRERY_ASSERT(objects_.arena().used() <= objects_.arena().capacity());
  if (!full) return;
  objects_.CheckInvariants();
  residency_.CheckInvariants();
  rooms_.CheckInvariants();
  ORRERY_ASSERT_MSG(objects_.rooms() == rooms_.count() + residency_.rooms(), "every reserved room has somebody");
  server_.CheckInvariants();
  arguments_.CheckInvariants();
  std::map<ObjectId, uint32_t> pins, creating;
  for (const auto& [address, client] : clients_) {
    for (const auto& [id, pin] : client.pinned) ++pins[id];
    for (ObjectId id : client.creating) ++creating[id];
    for (const auto& [id, wait] : client.waiting) ORRERY_ASSERT(residency_.Wanted(id));
  }
  for (const auto& [id, object] : objects_.all()) {
    ORRERY_ASSERT(object.pins[static_cast<size_t>(Pin::kClient)] == pins[id]);
    ORRERY_ASSERT(object.state != State::kCreating || creating[id] != 0);
    ORRERY_ASSERT(owners_.Knows(object.ref.owner) || object.doomed);
  }
}

}  // namespace orrery
