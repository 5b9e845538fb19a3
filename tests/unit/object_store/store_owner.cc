#include "tests/unit/object_store/store_owner.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

ObjectId StoreOwner::Make(int64_t size) {
  const ObjectId id{{id_, ++made_}, 0};
  objects_[id].size = size;
  return id;
}

std::vector<ObjectId> StoreOwner::Living() const {
  std::vector<ObjectId> ids;
  for (const auto& [id, object] : objects_) {
    if (object.made && !object.freed) ids.push_back(id);
  }
  return ids;
}

bool StoreOwner::BelievesIn(ObjectId object, NodeId node) const {
  const auto it = objects_.find(object);
  return it != objects_.end() && it->second.copies.count(node) != 0;
}

void StoreOwner::Free(ObjectId id) {
  Object& object = objects_.at(id);
  if (object.freed) return;
  object.freed = true;
  std::set<NodeId> nodes = object.copies;
  for (const auto& [node, source] : object.receiving) nodes.insert(node);
  for (NodeId node : nodes) {
    Draft<msg::FreeObjects> request;
    request->set_request(++frees_);
    ToProto(id, request->add_objects());
    world_.Send(self_, nodes_.at(node), std::move(request));
  }
  object.copies.clear();
  object.receiving.clear();
  Answer(id);
}

void StoreOwner::FreeAll() {
  for (auto& [id, object] : objects_) Free(id);
}

void StoreOwner::OnMessage(const Address& from, const Message& message) {
  if (message.kind() == MessageKind::kObjectCopies) return OnObjectCopies(from, message.As<msg::ObjectCopies>());
  if (message.kind() == MessageKind::kLocateObject) return OnLocateObject(from, message.As<msg::LocateObject>());
}

void StoreOwner::OnObjectCopies(const Address& from, const msg::ObjectCopies& news) {
  const NodeId node{news.node()};
  if (dead_.count(node) != 0) return;  // what it said before it died
  Draft<msg::ObjectCopiesReply> reply;
  reply->set_node(node.value);
  reply->set_version(news.version());
  ORRERY_ASSERT_MSG(news.version() > versions_[node], "versions grow");
  versions_[node] = news.version();
  nodes_[node] = from;
  std::set<ObjectId> added;
  for (const msg::ObjectKey& key : news.added()) added.insert(FromProto(key));
  for (auto& [id, object] : objects_) {
    if (news.full() && added.count(id) == 0) Removed(id, node);
  }
  for (const msg::ObjectKey& key : news.removed()) Removed(FromProto(key), node);
  for (ObjectId id : added) {
    Object& object = objects_.at(id);
    if (object.freed) {
      ToProto(id, reply->add_unwanted());
      continue;
    }
    object.made = true;
    object.copies.insert(node);
    object.receiving.erase(node);
    if (object.copies.size() == 1) ToProto(id, reply->add_primary());
  }
  world_.Send(self_, from, std::move(reply));
  for (ObjectId id : added) Answer(id);
}

void StoreOwner::Removed(ObjectId id, NodeId node) {
  const auto it = objects_.find(id);
  if (it == objects_.end()) return;
  Object& object = it->second;
  object.receiving.erase(node);
  if (object.copies.erase(node) == 0) return;
  if (object.copies.size() == 1) {  // nobody else has it now
    Draft<msg::ObjectCopiesReply> notice;
    ToProto(id, notice->add_primary());
    world_.Send(self_, nodes_.at(*object.copies.begin()), std::move(notice));
  }
  if (object.copies.empty() && !object.freed) object.lost = true;
  Answer(id);
}

void StoreOwner::OnNodeDied(NodeId node) {
  dead_.insert(node);
  for (auto& [id, object] : objects_) {
    Removed(id, node);
    for (auto it = object.receiving.begin(); it != object.receiving.end();) {
      it = it->second == node || it->first == node ? object.receiving.erase(it) : std::next(it);
    }
    std::erase_if(object.questions, [&](const Question& question) { return question.node == node; });
  }
}

void StoreOwner::OnLocateObject(const Address& from, const msg::LocateObject& message) {
  if (dead_.count(NodeId{message.node()}) != 0) return;
  const ObjectId id = FromProto(message.object());
  Object& object = objects_.at(id);
  nodes_[NodeId{message.node()}] = from;
  const Question question{
      from, NodeId{message.node()}, message.round(), {message.failed().begin(), message.failed().end()}};
  object.receiving.erase(question.node);
  std::erase_if(object.questions, [&](const Question& other) { return other.node == question.node; });
  object.questions.push_back(question);
  Answer(id);
}

void StoreOwner::Answer(ObjectId id) {
  Object& object = objects_.at(id);
  std::erase_if(object.questions, [&](const Question& question) { return TryAnswer(id, object, question); });
}

bool StoreOwner::TryAnswer(ObjectId id, Object& object, const Question& question) {
  Draft<msg::ObjectLocation> answer;
  ToProto(id, answer->mutable_object());
  answer->set_round(question.round);
  if (object.freed || object.lost) {
    answer->set_status(static_cast<uint32_t>(StatusCode::kObjectLost));
    world_.Send(self_, question.from, std::move(answer));
    return true;
  }
  std::vector<NodeId> sources;
  const auto allowed = [&](NodeId node) { return node != question.node && question.failed.count(node.value) == 0; };
  for (NodeId node : object.copies) {
    if (allowed(node)) sources.push_back(node);
  }
  for (const auto& [node, from] : object.receiving) {
    NodeId up = node;  // a chain that leads to the asker would be a circle
    while (up != question.node && object.receiving.count(up) != 0) up = object.receiving.at(up);
    if (allowed(node) && object.copies.count(up) != 0 && up != question.node) sources.push_back(node);
  }
  if (sources.empty()) return false;
  const NodeId source = sources[world_.random().Below(sources.size())];
  relayed_ += object.copies.count(source) == 0;
  object.receiving[question.node] = source;
  answer->set_node(source.value);
  ToProto(nodes_.at(source), answer->mutable_node_manager());
  answer->set_size(object.size);
  world_.Send(self_, question.from, std::move(answer));
  return true;
}

}  // namespace orrery::test
