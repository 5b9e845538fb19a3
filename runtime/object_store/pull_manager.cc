#include "runtime/object_store/pull_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void PullManager::Begin(const ObjectReference& ref, LocalObject* object) {
  const auto [it, added] = pulls_.try_emplace(ref.id);
  ORRERY_ASSERT(added);
  Pull& pull = it->second;
  pull.number = next_number_++;
  pull.ref = ref;
  pull.object = object;
  by_number_.Insert(pull.number, ref.id);
  Locate(pull);
}

void PullManager::Locate(Pull& pull) {
  pull.state = State::kLocating;
  ++pull.round;
  owners_.Flush(pull.ref.owner);
  Draft<msg::LocateObject> question;
  ToProto(pull.ref.id, question->mutable_object());
  question->set_node(context_.node.value);
  ToProto(context_.self, question->mutable_node_manager());
  for (uint32_t node : pull.failed) question->add_failed(node);
  question->set_round(pull.round);
  context_.env.Send(pull.ref.owner, std::move(question));
  SetTimer(pull, context_.settings.request_retry_interval * (int64_t{1} << std::min(pull.silences, 6u)));
}

void PullManager::SetTimer(Pull& pull, Duration delay) {
  pull.timer = true;
  context_.env.SetTimer(delay, TimerKind::kPullRetry, pull.number);
}

void PullManager::Stop(ObjectId object) {
  const auto it = pulls_.find(object);
  if (it == pulls_.end() || it->second.state == State::kStopping) return;
  Pull& pull = it->second;
  LeaveSource(pull, true);
  pull.state = State::kStopping;
  ++stopping_;
  if (pull.timer) context_.env.CancelTimer(TimerKind::kPullRetry, pull.number);
  pull.timer = false;
  owners_.Removed(pull.ref);  // it thinks that this node is receiving
  if (pull.fetching != 0) return listener_.OnPullStopping(object);
  EndStopped(pull);
}

bool PullManager::Stopping(ObjectId object) const {
  const auto it = pulls_.find(object);
  return it != pulls_.end() && it->second.state == State::kStopping;
}

bool PullManager::Transferring(ObjectId object) const {
  const auto it = pulls_.find(object);
  return it != pulls_.end() && it->second.state == State::kTransferring;
}

void PullManager::EndStopped(Pull& pull) {
  if (pull.state != State::kStopping || pull.fetching != 0) return;
  const ObjectId id = pull.ref.id;
  --stopping_;
  End(id);
  listener_.OnPullStopped(id);
}

void PullManager::End(ObjectId object) {
  const auto it = pulls_.find(object);
  if (it->second.timer) context_.env.CancelTimer(TimerKind::kPullRetry, it->second.number);
  by_number_.Erase(it->second.number);
  pulls_.erase(it);
}

bool PullManager::Has(ObjectId object, int64_t begin, int64_t end) const {
  const auto it = pulls_.find(object);
  if (it == pulls_.end() || it->second.chunks.empty() || it->second.state == State::kStopping) return false;
  const std::vector<Chunk>& chunks = it->second.chunks;
  for (int64_t i = begin / ChunkBytes(); i * ChunkBytes() < end; ++i) {
    if (chunks[static_cast<size_t>(i)] != Chunk::kHere) return false;
  }
  return true;
}

void PullManager::OnObjectLocation(const Address& from, const msg::ObjectLocation& location) {
  const auto it = pulls_.find(FromProto(location.object()));
  if (it == pulls_.end() || it->second.ref.owner != from || it->second.state != State::kLocating ||
      it->second.round != location.round()) {
    return context_.env.Trace({.kind = TraceKind::kStaleMessage, .node = context_.node, .text = "ObjectLocation"});
  }
  Pull& pull = it->second;
  pull.silences = 0;
  const ObjectReference ref = pull.ref;
  Status status(static_cast<StatusCode>(location.status()), location.message());
  if (status.ok() && location.size() <= 0) status = {StatusCode::kInternal, "its owner gave it no size"};
  if (!status.ok()) {
    if (pull.fetching != 0) return Stop(ref.id);  // then it is asked for again, and gets the same answer
    End(ref.id);
    return listener_.OnPullFailed(ref.id, status);
  }
  if (pull.object == nullptr || pull.object->size != location.size()) {
    if (pull.fetching != 0 || (pull.object != nullptr && pull.object->pinned())) return Stop(ref.id);
    pull.object = nullptr;
    pull.here = 0;
    pull.object = listener_.OnPullNeedsRoom(ref, location.size());
    if (pull.object == nullptr) {
      owners_.Removed(ref);
      return End(ref.id);
    }
    pull.chunks.clear();
  }
  pull.source = NodeId{location.node()};
  pull.source_address = FromProto(location.node_manager());
  pull.state = State::kTransferring;
  if (pull.source == context_.node || !pull.source_address) return SourceFailed(pull, false);
  const int64_t count = (pull.object->size + ChunkBytes() - 1) / ChunkBytes();
  pull.chunks.resize(static_cast<size_t>(count), Chunk::kMissing);
  pull.progress = context_.env.Now();
  SetTimer(pull, context_.settings.object_pull_retry);
  Transfer(pull);
}

// Asks for as many chunks as the window allows, in order, so that relays can pass them on.
void PullManager::Transfer(Pull& pull) {
  const int64_t window = std::max<int64_t>(1, context_.settings.object_chunks_in_flight);
  for (uint32_t i = 0; i < pull.chunks.size() && pull.asked + pull.fetching < window; ++i) {
    if (pull.chunks[i] != Chunk::kMissing) continue;
    pull.chunks[i] = Chunk::kAsked;
    ++pull.asked;
    Draft<msg::PullChunk> request;
    ToProto(pull.ref.id, request->mutable_object());
    request->set_chunk(i);
    request->set_pull(pull.number);
    request->set_chunk_bytes(ChunkBytes());
    request->set_node(context_.node.value);
    context_.env.Send(pull.source_address, std::move(request));
  }
}

void PullManager::OnChunkReady(const Address& from, const msg::ChunkReady& ready) {
  const auto it = pulls_.find(FromProto(ready.object()));
  const bool expected = it != pulls_.end() && it->second.number == ready.pull() &&
                        it->second.state == State::kTransferring && it->second.source_address == from &&
                        ready.chunk() < it->second.chunks.size() && it->second.chunks[ready.chunk()] == Chunk::kAsked;
  if (!expected) {
    return context_.env.Trace({.kind = TraceKind::kStaleMessage, .node = context_.node, .text = "ChunkReady"});
  }
  Pull& pull = it->second;
  const auto code = static_cast<StatusCode>(ready.status());
  if (code == StatusCode::kDiskFull || code == StatusCode::kStoreFull) {
    pull.trouble = {code, ToString(pull.source) + " has " + ToString(pull.ref.id) + " on disk and no room to read it"};
  }
  if (ready.status() != 0 || ready.size() != pull.object->size) return SourceFailed(pull, true);
  FetchChunk(pull, ready.chunk(), ready);
}

void PullManager::FetchChunk(Pull& pull, uint32_t chunk, const msg::ChunkReady& ready) {
  const int64_t begin = chunk * ChunkBytes();
  pull.chunks[chunk] = Chunk::kFetching;
  --pull.asked;
  ++pull.fetching;
  Draft<msg::FetchChunk> order;
  order->set_request(next_fetch_);
  order->mutable_memory()->CopyFrom(ready.memory());
  order->set_remote_offset(ready.offset());
  order->set_offset(pull.object->offset + begin);
  order->set_size(std::min(ChunkBytes(), pull.object->size - begin));
  fetches_.Insert(next_fetch_++, Fetch{pull.ref.id, chunk, pull.round});
  context_.env.Send(Address::Memory(), std::move(order));
}

void PullManager::OnChunkFetched(const msg::ChunkFetched& fetched) {
  const Fetch* found = fetches_.Find(fetched.request());
  if (found == nullptr) return;
  const Fetch fetch = *found;
  fetches_.Erase(fetched.request());
  Pull& pull = pulls_.at(fetch.object);  // it does not end while anything is under way
  --pull.fetching;
  const bool current = pull.state == State::kTransferring && pull.round == fetch.round;
  const bool good = current && fetched.status() == 0;
  pull.chunks[fetch.chunk] = good ? Chunk::kHere : Chunk::kMissing;
  if (pull.state == State::kStopping) return EndStopped(pull);
  if (pull.state == State::kLocating) return;
  if (current && !good) return SourceFailed(pull, true);
  if (!good) return Transfer(pull);
  ++pull.here;
  pull.trouble = Status::Ok();
  pull.progress = context_.env.Now();
  const int64_t size = std::min(ChunkBytes(), pull.object->size - fetch.chunk * ChunkBytes());
  context_.env.Trace({.kind = TraceKind::kChunkFetched,
                      .task = fetch.object.task,
                      .node = context_.node,
                      .a = size,
                      .b = pull.source.value,
                      .c = static_cast<int64_t>(fetch.object.index)});
  if (pull.here < static_cast<int64_t>(pull.chunks.size())) {
    Transfer(pull);
    return listener_.OnChunkHere(fetch.object);
  }
  context_.env.Trace({.kind = TraceKind::kObjectCopied,
                      .task = fetch.object.task,
                      .node = context_.node,
                      .a = pull.object->size,
                      .b = pull.source.value,
                      .c = static_cast<int64_t>(fetch.object.index)});
  LeaveSource(pull, true);
  End(fetch.object);
  listener_.OnPulled(fetch.object);
}

// What it was asked for is missing again; what is being fetched is not believed, because the source may let go of it.
void PullManager::LeaveSource(Pull& pull, bool tell) {
  for (Chunk& chunk : pull.chunks) {
    if (chunk == Chunk::kAsked) chunk = Chunk::kMissing;
  }
  pull.asked = 0;
  if (tell && pull.source_address) {
    Draft<msg::EndPull> notice;
    ToProto(pull.ref.id, notice->mutable_object());
    notice->set_pull(pull.number);
    context_.env.Send(pull.source_address, std::move(notice));
  }
  pull.source_address = {};
}

void PullManager::SourceFailed(Pull& pull, bool tell) {
  const auto at = std::lower_bound(pull.failed.begin(), pull.failed.end(), pull.source.value);
  if (at == pull.failed.end() || *at != pull.source.value) pull.failed.insert(at, pull.source.value);
  LeaveSource(pull, tell);
  Locate(pull);
}

void PullManager::OnTimer(uint64_t number) {
  const ObjectId* id = by_number_.Find(number);
  if (id == nullptr) return;
  Pull& pull = pulls_.at(*id);
  pull.timer = false;
  if (pull.state == State::kTransferring) {
    const Duration left = pull.progress + context_.settings.object_pull_retry - context_.env.Now();
    return left.ns > 0 ? SetTimer(pull, left) : SourceFailed(pull, true);
  }
  if (!pull.trouble.ok() && pull.fetching == 0) {  // and nobody else has it
    const ObjectId object = *id;
    const Status trouble = pull.trouble;
    owners_.Removed(pull.ref);
    End(object);
    return listener_.OnPullFailed(object, trouble);
  }
  ++pull.silences;
  // Those who failed may have come back, and nobody else has the object.
  pull.failed.clear();
  if (pull.object != nullptr && pull.here == 0 && pull.fetching == 0 && !pull.object->pinned()) {
    pull.object = nullptr;
    pull.chunks.clear();
    listener_.OnPullWaits(*id);
  }
  Locate(pull);
}

void PullManager::OnPeerLost(const Address& peer) {
  for (auto& [id, pull] : pulls_) {
    if (pull.state == State::kTransferring && pull.source_address == peer) SourceFailed(pull, false);
  }
}

void PullManager::OnNodeDied(NodeId node) {
  for (auto& [id, pull] : pulls_) {
    if (pull.state == State::kTransferring && pull.source == node) SourceFailed(pull, false);
  }
}

void PullManager::AskAgain(const Address& owner) {
  for (auto& [id, pull] : pulls_) {
    if (pull.state == State::kLocating && pull.ref.owner == owner) Locate(pull);
  }
}

bool PullManager::AnyOf(WorkerId owner) const {
  const auto it = pulls_.lower_bound(ObjectId{{owner, 0}, 0});
  return it != pulls_.end() && it->first.task.owner == owner;
}

void PullManager::CheckInvariants() const {
  int64_t fetching = 0;
  for (const auto& [id, pull] : pulls_) {
    int64_t here = 0, asked = 0, under_way = 0;
    for (Chunk chunk : pull.chunks) {
      here += chunk == Chunk::kHere;
      asked += chunk == Chunk::kAsked;
      under_way += chunk == Chunk::kFetching;
    }
    ORRERY_ASSERT(here == pull.here && asked == pull.asked && under_way == pull.fetching);
    ORRERY_ASSERT(pull.state == State::kTransferring || asked == 0);
    ORRERY_ASSERT(pull.object != nullptr || (here == 0 && under_way == 0));
    ORRERY_ASSERT_MSG(pull.object == nullptr || pull.object->state == LocalObject::State::kPulling, "room of a pull");
    ORRERY_ASSERT_MSG(pull.timer || pull.state == State::kStopping, "something must end every wait");
    ORRERY_ASSERT(pull.state != State::kStopping || under_way != 0);
    fetching += under_way;
  }
  ORRERY_ASSERT(fetching == static_cast<int64_t>(fetches_.size()));
}

}  // namespace orrery
