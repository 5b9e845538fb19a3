#include "runtime/object_store/chunk_server.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

using Pin = LocalObject::Pin;

bool ChunkServer::Here(const LocalObject& object, const Request& request) const {
  if (object.readable()) return true;
  const int64_t end = std::min(object.size, request.begin + request.length);
  return object.state == LocalObject::State::kPulling && pulls_.Has(object.id(), request.begin, end);
}

bool ChunkServer::OnPullChunk(const Address& from, const msg::PullChunk& message) {
  const ObjectId id = FromProto(message.object());
  const Key key{from, message.pull()};
  const int64_t length = message.chunk_bytes();
  // Chunk numbers have 32 bits: the product below cannot overflow.
  const bool valid = length > 0 && length <= (int64_t{1} << 30);
  const Request request{message.chunk(), valid ? message.chunk() * length : 0, length};
  LocalObject* object = objects_.Find(id);
  const bool beyond = object != nullptr && request.begin >= object->size;
  const auto [it, added] = servings_.try_emplace(key);
  Serving& serving = it->second;
  if (added) serving.object = id;
  serving.node = NodeId{message.node()};
  if (!valid || beyond || serving.object != id) {
    if (added) servings_.erase(it);
    Send(key, id, request.chunk, StatusCode::kInvalidArgument, nullptr, 0);
    return false;
  }
  if (object != nullptr && (!object->doomed || serving.pinned) && Here(*object, request)) {
    Promise(key, serving, *object, request);
    return false;
  }
  serving.waiting.push_back(request);
  waiting_[id].insert(key);
  return true;
}

void ChunkServer::Promise(const Key& key, Serving& serving, LocalObject& object, const Request& request) {
  if (!serving.pinned) objects_.AddPin(object, Pin::kPeer);
  serving.pinned = true;
  Send(key, object.id(), request.chunk, StatusCode::kOk, &object, request.begin);
}

void ChunkServer::Send(const Key& key, ObjectId object, uint32_t chunk, StatusCode status, const LocalObject* local,
                       int64_t begin) {
  Draft<msg::ChunkReady> reply;
  ToProto(object, reply->mutable_object());
  reply->set_chunk(chunk);
  reply->set_pull(key.second);
  reply->set_status(static_cast<uint32_t>(status));
  if (local != nullptr) {
    reply->set_offset(local->offset + begin);
    reply->set_size(local->size);
    ToProto(context_.memory, reply->mutable_memory());
  }
  context_.env.Send(key.first, std::move(reply));
}

void ChunkServer::Progress(LocalObject& object) {
  const auto found = waiting_.find(object.id());
  if (found == waiting_.end()) return;
  const std::set<Key> keys = found->second;
  for (const Key& key : keys) {
    Serving& serving = servings_.at(key);
    std::erase_if(serving.waiting, [&](const Request& request) {
      if (request.begin >= object.size) {
        Send(key, object.id(), request.chunk, StatusCode::kInvalidArgument, nullptr, 0);
        return true;
      }
      if (!Here(object, request)) return false;
      Promise(key, serving, object, request);
      return true;
    });
    if (!serving.waiting.empty()) continue;
    Forget(key, object.id());
    if (!serving.pinned) servings_.erase(key);
  }
}

void ChunkServer::Refuse(ObjectId object, StatusCode status) {
  const auto found = waiting_.find(object);
  if (found == waiting_.end()) return;
  const std::set<Key> keys = std::move(found->second);
  waiting_.erase(found);
  for (const Key& key : keys) {
    const auto it = servings_.find(key);
    for (const Request& request : it->second.waiting) {
      Send(key, object, request.chunk, status, nullptr, 0);
    }
    it->second.waiting.clear();
    if (!it->second.pinned) servings_.erase(it);
  }
}

void ChunkServer::Forget(const Key& key, ObjectId object) {
  const auto found = waiting_.find(object);
  if (found == waiting_.end()) return;
  found->second.erase(key);
  if (found->second.empty()) waiting_.erase(found);
}

ChunkServer::Servings::iterator ChunkServer::End(Servings::iterator it, std::vector<ObjectId>& ended) {
  const ObjectId id = it->second.object;
  if (!it->second.waiting.empty()) Forget(it->first, id);
  if (it->second.pinned) objects_.DropPin(*objects_.Find(id), Pin::kPeer);
  ended.push_back(id);
  return servings_.erase(it);
}

ObjectId ChunkServer::OnEndPull(const Address& from, const msg::EndPull& notice) {
  const auto it = servings_.find({from, notice.pull()});
  if (it == servings_.end()) return {};
  std::vector<ObjectId> ended;
  End(it, ended);
  return ended.front();
}

std::vector<ObjectId> ChunkServer::OnPeerLost(const Address& peer) {
  std::vector<ObjectId> ended;
  auto it = servings_.lower_bound({peer, 0});
  while (it != servings_.end() && it->first.first == peer) it = End(it, ended);
  return ended;
}

std::vector<ObjectId> ChunkServer::OnNodeDied(NodeId node) {
  std::vector<ObjectId> ended;
  for (auto it = servings_.begin(); it != servings_.end();)
    it = it->second.node == node ? End(it, ended) : std::next(it);
  return ended;
}

void ChunkServer::CheckInvariants() const {
  std::map<ObjectId, uint32_t> pins;
  size_t waiting = 0;
  for (const auto& [key, serving] : servings_) {
    ORRERY_ASSERT(serving.pinned || !serving.waiting.empty());
    pins[serving.object] += serving.pinned;
    if (serving.waiting.empty()) continue;
    ++waiting;
    ORRERY_ASSERT(waiting_.at(serving.object).count(key) != 0);
  }
  size_t listed = 0;
  for (const auto& [object, keys] : waiting_) listed += keys.size();
  ORRERY_ASSERT(listed == waiting);
  for (const auto& [id, object] : objects_.all()) {
    const auto it = pins.find(id);
    ORRERY_ASSERT(object.pins[static_cast<size_t>(Pin::kPeer)] == (it == pins.end() ? 0 : it->second));
  }
}

}  // namespace orrery
