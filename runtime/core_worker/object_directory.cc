#include "runtime/core_worker/object_directory.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
TraceEvent ObjectEvent(TraceKind kind, ObjectId object) {
  return {.kind = kind, .task = object.task, .worker = object.task.owner, .c = object.index};
}
}  // namespace

ObjectDirectory::Entry* ObjectDirectory::Find(ObjectId object) {
  if (entries_.empty()) return nullptr;
  auto* slot = entries_.Find(object);
  return slot == nullptr ? nullptr : slot->get();
}

ObjectDirectory::Entry& ObjectDirectory::Ensure(ObjectId object) {
  if (Entry* entry = Find(object)) return *entry;
  return **entries_.Insert(object, std::make_unique<Entry>()).first;
}

// ---- copies ----

int64_t ObjectDirectory::Chunks(ObjectId object) const {
  const ObjectRecord* record = store_.Get(object);
  const int64_t size = record == nullptr || record->extra == nullptr ? 0 : record->extra->size;
  return 1 + size / std::max<int64_t>(1, core_.settings.object_chunk_bytes);
}

int64_t ObjectDirectory::Cost(ObjectId object, const Source& source) const {
  return source.serves * Chunks(object) + source.depth + (source.spilled ? Chunks(object) : 0);
}

// Every change of a source goes through here, so that `by_cost` always agrees.
template <class Change>
void ObjectDirectory::Update(ObjectId object, Entry& entry, NodeId node, Change change) {
  Source& source = entry.sources[node];
  entry.by_cost.erase({source.cost, node});
  change(source);
  source.cost = Cost(object, source);
  entry.by_cost.insert({source.cost, node});
}

void ObjectDirectory::SetCopy(ObjectId object, Entry& entry, NodeId node, const Address& address, bool confirmed) {
  const auto known = entry.sources.find(node);
  const bool was_copy = known != entry.sources.end() && !known->second.from;
  if (known != entry.sources.end() && !was_copy) Detach(object, entry, known->second);
  Update(object, entry, node, [&](Source& source) {
    source.node_manager = address;
    source.from = {};
    source.depth = 0;
    source.spilled = source.spilled && !confirmed;
    source.confirmed |= confirmed;
  });
  if (!was_copy) ++entry.copies;
  if (!entry.primary) entry.primary = node;
}

// A node that was receiving takes no more of its source's time.
void ObjectDirectory::Detach(ObjectId object, Entry& entry, Source& receiver) {
  const NodeId source = std::exchange(receiver.from, {});
  if (entry.sources.count(source) == 0) return;
  Update(object, entry, source, [](Source& s) { s.serves -= s.serves > 0 ? 1 : 0; });
}

void ObjectDirectory::RemoveNode(ObjectId object, Entry& entry, NodeId node) {
  auto it = entry.sources.find(node);
  if (it == entry.sources.end()) return;
  entry.by_cost.erase({it->second.cost, node});
  Source gone = it->second;
  entry.sources.erase(it);
  if (gone.from)
    Detach(object, entry, gone);
  else
    --entry.copies;
  if (entry.primary == node) entry.primary = {};
}

// The last copy may have gone, or a source may have time again.
void ObjectDirectory::AfterRemoval(ObjectId object) {
  Entry* entry = Find(object);
  if (entry == nullptr) return;
  const ObjectRecord* record = store_.Get(object);
  const bool lost = record != nullptr && record->ready && record->stored() && entry->copies == 0;
  if (lost) {
    TraceEvent event = ObjectEvent(TraceKind::kObjectLost, object);
    event.text = "no copy is left";
    core_.env.Trace(event);
  }
  Serve(object);
}

void ObjectDirectory::AddCopy(ObjectId object, NodeId node, const Address& node_manager) {
  if (dead_.count(node) != 0) return;
  Entry& entry = Ensure(object);
  nodes_[node].address = node_manager;
  if (entry.gone.erase(node) == 0) SetCopy(object, entry, node, node_manager, false);
}

bool ObjectDirectory::HasCopy(ObjectId object) const {
  const Entry* entry = Find(object);
  return entry != nullptr && entry->copies > 0;
}

bool ObjectDirectory::HasCopyOn(ObjectId object, NodeId node) const {
  const Entry* entry = Find(object);
  if (entry == nullptr) return false;
  auto it = entry->sources.find(node);
  return it != entry->sources.end() && !it->second.from;
}

std::pair<NodeId, Address> ObjectDirectory::Holder(ObjectId object) const {
  std::pair<NodeId, Address> spilled;
  const Entry* entry = Find(object);
  if (entry == nullptr) return spilled;
  for (const auto& [node, source] : entry->sources) {
    if (source.from) continue;
    if (!source.spilled) return {node, source.node_manager};
    if (!spilled.first) spilled = {node, source.node_manager};
  }
  return spilled;
}

std::vector<NodeId> ObjectDirectory::Copies(ObjectId object, bool spilled_only) const {
  std::vector<NodeId> nodes;
  const Entry* entry = Find(object);
  if (entry == nullptr) return nodes;
  for (const auto& [node, source] : entry->sources) {
    if (!source.from && (source.spilled || !spilled_only)) nodes.push_back(node);
  }
  return nodes;
}

std::vector<std::pair<NodeId, Address>> ObjectDirectory::Holders(ObjectId object) const {
  std::vector<std::pair<NodeId, Address>> holders;
  const Entry* entry = Find(object);
  if (entry == nullptr) return holders;
  for (const auto& [node, source] : entry->sources) {
    if (!source.from) holders.emplace_back(node, source.node_manager);
  }
  return holders;
}

// ---- what nodes tell ----

void ObjectDirectory::OnObjectCopies(const Address& from, const msg::ObjectCopies& news) {
  const NodeId node{news.node()};
  const Address address = FromProto(news.node_manager());
  if (dead_.count(node) != 0) return;
  Node& known = nodes_[node];
  known.address = address;
  if (news.version() > known.version) {
    known.version = news.version();
    ApplyNews(news, address);
    if (news.full()) ApplyFull(news);
  }
  Draft<msg::ObjectCopiesReply> reply;
  reply->set_node(news.node());
  reply->set_version(news.version());
  for (const auto* keys : {&news.added(), &news.spilled()}) {
    for (const msg::ObjectKey& key : *keys) {
      const ObjectId object = FromProto(key);
      const Entry* entry = Find(object);
      const bool counted = entry != nullptr && entry->sources.count(node) != 0;
      if (!counted)
        reply->add_unwanted()->CopyFrom(key);
      else if (entry->primary == node)
        reply->add_primary()->CopyFrom(key);
    }
  }
  core_.env.Send(from, std::move(reply));
}

void ObjectDirectory::ApplyNews(const msg::ObjectCopies& news, const Address& address) {
  const NodeId node{news.node()};
  std::vector<ObjectId> changed;
  for (const auto* keys : {&news.added(), &news.spilled()}) {
    for (const msg::ObjectKey& key : *keys) {
      const ObjectId object = FromProto(key);
      ObjectRecord* record = store_.Get(object);
      // A value that turned out small, an error, or an object that nobody refers to: the copy is of no use.
      if (record == nullptr || record->foreign() || (record->ready && !record->stored())) continue;
      record->Extra();  // its end is to be told
      Entry& entry = Ensure(object);
      entry.gone.erase(node);
      SetCopy(object, entry, node, address, true);
      if (keys == &news.spilled()) Update(object, entry, node, [](Source& source) { source.spilled = true; });
      changed.push_back(object);
    }
  }
  for (ObjectId object : changed) Serve(object);
  for (const msg::ObjectKey& key : news.removed()) {
    const ObjectId object = FromProto(key);
    Entry* entry = Find(object);
    if (entry == nullptr) continue;
    const ObjectRecord* record = store_.Get(object);
    // A node that only asked, or received, had no copy; the task that makes the object again may just put one there.
    const auto source = entry->sources.find(node);
    const bool received = source != entry->sources.end() && source->second.from;
    const bool asked = std::any_of(entry->questions.begin(), entry->questions.end(),
                                   [&](const Question& question) { return question.node == node; });
    if (record != nullptr && !record->ready && !received && !asked) entry->gone.insert(node);
    RemoveNode(object, *entry, node);
    AfterRemoval(object);
  }
}

// After a broken connection: what the node does not name, it does not have. What only a task's reply told us of may
// have been sealed after the list was made. That it receives may have ended unheard: a receiver is forgotten, and
// counts again when it has received.
void ObjectDirectory::ApplyFull(const msg::ObjectCopies& news) {
  std::set<ObjectId> named;
  for (const msg::ObjectKey& key : news.added()) named.insert(FromProto(key));
  for (const msg::ObjectKey& key : news.spilled()) named.insert(FromProto(key));
  const NodeId node{news.node()};
  for (ObjectId object : SortedKeys()) {
    if (named.count(object) != 0) continue;
    Entry& entry = *Find(object);
    auto it = entry.sources.find(node);
    if (it == entry.sources.end() || (!it->second.from && !it->second.confirmed)) continue;
    RemoveNode(object, entry, node);
    AfterRemoval(object);
  }
}

// ---- who asks where ----

// Only a task's reply told us of this copy, and whoever asked did not find it. The worker may have died before its seal
// was heard: a node that has not confirmed a copy for a while has none.
void ObjectDirectory::Doubt(ObjectId object, NodeId node) {
  Entry* entry = Find(object);
  if (entry == nullptr) return;  // an earlier doubt has ended it
  const auto it = entry->sources.find(node);
  if (it == entry->sources.end() || it->second.from || it->second.confirmed) return;
  const Time now = core_.env.Now();
  if (!it->second.doubted) it->second.doubted = now;
  if (now - *it->second.doubted < core_.settings.request_retry_interval) return;
  RemoveNode(object, *entry, node);
  AfterRemoval(object);
}

void ObjectDirectory::OnLocateObject(const Address& from, const msg::LocateObject& request) {
  const ObjectId object = FromProto(request.object());
  const NodeId node{request.node()};
  if (dead_.count(node) != 0) return;
  Question question{from, node, request.round(), {request.failed().begin(), request.failed().end()}, false};
  const ObjectRecord* record = store_.Get(object);
  if (record == nullptr || record->foreign()) {
    return Refuse(object, question, StatusCode::kObjectLost, "its owner does not know it any more");
  }
  nodes_[node].address = FromProto(request.node_manager());
  store_.Get(object)->Extra();  // its end is to be told
  Entry& entry = Ensure(object);
  if (auto it = entry.sources.find(node); it != entry.sources.end() && it->second.from) {
    RemoveNode(object, entry, node);  // it has given up what it was told before
  }
  auto& questions = entry.questions;
  auto old = std::find_if(questions.begin(), questions.end(), [&](const Question& q) { return q.node == node; });
  if (old != questions.end()) {
    question.again = true;
    *old = std::move(question);
  } else {
    questions.push_back(std::move(question));
  }
  Doubt(object, node);
  for (uint32_t failed : request.failed()) Doubt(object, NodeId{failed});
  Serve(object);
}

void ObjectDirectory::Serve(ObjectId object) {
  Entry* entry = Find(object);
  if (entry == nullptr) return;
  const ObjectRecord* record = store_.Get(object);
  if (record == nullptr || !record->ready) return;
  if (!record->stored()) return RefuseAll(object, *entry);
  if (entry->questions.empty()) return;
  if (entry->copies == 0) return core_.actions->Recover(object);
  auto& questions = entry->questions;
  for (size_t i = 0; i < questions.size();) {
    if (TryAnswer(object, *entry, questions[i]))
      questions.erase(questions.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
}

// Does `node` receive, perhaps by way of others, from `asker`?
bool ObjectDirectory::Behind(const Entry& entry, NodeId node, NodeId asker) const {
  for (size_t steps = 0; node && steps <= entry.sources.size(); ++steps) {
    if (node == asker) return true;
    auto it = entry.sources.find(node);
    if (it == entry.sources.end()) return true;  // its source is gone: it will ask anew itself
    node = it->second.from;
  }
  return false;
}

NodeId ObjectDirectory::Choose(const Entry& entry, const Question& question) const {
  NodeId busy, failed;
  for (const auto& [cost, node] : entry.by_cost) {
    if (node == question.node || Behind(entry, node, question.node)) continue;
    const Source& source = entry.sources.at(node);
    const bool bad = std::find(question.failed.begin(), question.failed.end(), node.value) != question.failed.end();
    if (bad) {
      if (!failed && !source.from) failed = node;
    } else if (source.serves < core_.settings.object_fanout) {
      return node;
    } else if (!busy) {
      busy = node;
    }
  }
  // It waits until something changes. That may never be: a receiver gave up without a word, a connection is back.
  if (!question.again) return {};
  return busy ? busy : failed;
}

bool ObjectDirectory::TryAnswer(ObjectId object, Entry& entry, const Question& question) {
  const NodeId chosen = Choose(entry, question);
  if (!chosen) return false;
  const int64_t depth = entry.sources.at(chosen).depth + 1;
  const Address chosen_address = entry.sources.at(chosen).node_manager;
  if (auto asker = entry.sources.find(question.node); asker == entry.sources.end() || asker->second.from) {
    Update(object, entry, chosen, [](Source& source) { ++source.serves; });
    Update(object, entry, question.node, [&](Source& source) {
      source.node_manager = nodes_.at(question.node).address;
      source.from = chosen;
      source.depth = depth;
    });
  }
  Draft<msg::ObjectLocation> answer;
  ToProto(object, answer->mutable_object());
  answer->set_node(chosen.value);
  ToProto(chosen_address, answer->mutable_node_manager());
  answer->set_size(store_.Get(object)->extra->size);
  answer->set_round(question.round);
  core_.env.Send(question.from, std::move(answer));
  return true;
}

void ObjectDirectory::Refuse(ObjectId object, const Question& question, StatusCode status, const std::string& reason) {
  Draft<msg::ObjectLocation> answer;
  ToProto(object, answer->mutable_object());
  answer->set_status(static_cast<uint32_t>(status));
  answer->set_message(ToString(object) + ": " + reason);
  answer->set_round(question.round);
  core_.env.Send(question.from, std::move(answer));
}

// The value is an error, or (made a second time) small: there is nothing to fetch.
void ObjectDirectory::RefuseAll(ObjectId object, Entry& entry) {
  const StoredValue* value = store_.Find(object);
  const bool failed = value->status != StatusCode::kOk;
  for (const Question& question : std::exchange(entry.questions, {})) {
    Refuse(object, question, failed ? value->status : StatusCode::kObjectLost,
           failed ? value->error : "made again, its value is too small for a store");
  }
  Free(object);
}

// ---- ends ----

void ObjectDirectory::Free(ObjectId object) {
  Entry* entry = Find(object);
  if (entry == nullptr) return;
  for (const Question& question : entry->questions) {
    Refuse(object, question, StatusCode::kObjectLost, "its owner has freed it");
  }
  for (const auto& [node, source] : entry->sources) to_free_[node].push_back(object);
  if (!entry->sources.empty()) core_.env.Trace(ObjectEvent(TraceKind::kObjectFreed, object));
  entries_.Erase(object);
}

void ObjectDirectory::SendFrees() {
  for (auto& [node, objects] : std::exchange(to_free_, {})) {
    if (dead_.count(node) != 0) continue;
    Draft<msg::FreeObjects> free;
    free->set_request(++last_free_);
    for (ObjectId object : objects) ToProto(object, free->add_objects());
    core_.requests.Send({MessageKind::kFreeObjects, last_free_, 0}, nodes_.at(node).address, std::move(free));
  }
}

void ObjectDirectory::OnObjectsFreed(const msg::ObjectsFreed& reply) {
  core_.requests.Done({MessageKind::kFreeObjects, reply.request(), 0});
}

void ObjectDirectory::OnNodeDied(NodeId node) {
  dead_.insert(node);
  auto known = nodes_.find(node);
  if (known == nodes_.end()) return;
  for (const RequestKey& key : core_.requests.KeysTo(known->second.address)) {
    if (key.kind == MessageKind::kFreeObjects) core_.requests.Done(key);
  }
  nodes_.erase(known);
  for (ObjectId object : SortedKeys()) {
    Entry* entry = Find(object);
    if (entry == nullptr) continue;
    std::erase_if(entry->questions, [&](const Question& question) { return question.node == node; });
    if (entry->sources.count(node) == 0) continue;
    RemoveNode(object, *entry, node);
    AfterRemoval(object);
  }
}

void ObjectDirectory::Forget() {
  entries_.Clear();
  to_free_.clear();
}

std::vector<ObjectId> ObjectDirectory::SortedKeys() const {
  std::vector<ObjectId> keys;
  entries_.CollectKeys(keys);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace orrery
