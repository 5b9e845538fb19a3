#include "runtime/core_worker/streams.h"

#include <algorithm>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
Message Progress(TaskId task, uint32_t attempt, uint32_t taken, bool dropped) {
  Draft<msg::StreamProgress> progress;
  progress->set_owner(task.owner.value);
  progress->set_index(task.index);
  progress->set_attempt(attempt);
  progress->set_taken(taken);
  progress->set_dropped(dropped);
  return progress;
}
}  // namespace

void Streams::AddPending(uint64_t task, const Stream& stream) {
  const ObjectId next = Item(task, stream.items + 1);
  store_.AddPending(next);
  if (stream.dropped) store_.Release(next);
}

void Streams::Begin(uint64_t task, uint32_t max_unconsumed) {
  Stream& stream = *streams_.Insert(task, {}).first;
  stream.max_unconsumed = max_unconsumed;
  AddPending(task, stream);
}

bool Streams::Accept(uint64_t task, uint32_t item, const Address& producer, uint32_t attempt) {
  Stream* stream = streams_.Find(task);
  if (stream != nullptr) {
    stream->producer = producer;
    stream->attempt = attempt;
    if (item == stream->items + 1 && !stream->ended && !stream->dropped) {
      ++stream->items;
      AddPending(task, *stream);
      return true;
    }
    if (item > stream->items) return false;
  }
  const ObjectRecord* record = store_.Get(Item(task, item));  // lost, and to be made again
  return record != nullptr && !record->ready;
}

void Streams::Answer(uint64_t task, const Address& producer, uint32_t attempt) {
  const Stream* stream = streams_.Find(task);
  const TaskId id{core_.id, task};
  if (stream == nullptr)  // it is made again for items that are known: nothing holds it up
    core_.env.Send(producer, Progress(id, attempt, UINT32_MAX, false));
  else if (stream->dropped || (stream->max_unconsumed > 0 && stream->taken > 0))
    core_.env.Send(producer, Progress(id, attempt, stream->taken, stream->dropped));
}

void Streams::Tell(uint64_t task, const Stream& stream) {
  if (!stream.producer || stream.ended) return;
  const TaskId id{core_.id, task};
  core_.env.Send(stream.producer, Progress(id, stream.attempt, stream.taken, stream.dropped));
}

void Streams::Consume(uint64_t task, uint32_t taken, bool drop) {
  Stream* stream = streams_.Find(task);
  if (stream == nullptr || stream->dropped) return;
  const uint32_t last = stream->items + 1;
  stream->taken = std::max(stream->taken, std::min(taken, last));
  stream->dropped = drop;
  if (drop || stream->max_unconsumed > 0) Tell(task, *stream);
  if (!drop) return;
  for (uint32_t item = stream->taken + 2; item <= last; ++item) store_.Release(Item(task, item));
  if (stream->ended) streams_.Erase(task);
}

ObjectId Streams::End(uint64_t task) {
  Stream* stream = streams_.Find(task);
  if (stream == nullptr || stream->ended) return {};
  stream->ended = true;
  const ObjectId last = Item(task, stream->items + 1);
  if (stream->dropped) streams_.Erase(task);
  return last;
}

ObjectId Streams::Extend(uint64_t task) {
  Stream* stream = streams_.Find(task);
  if (stream == nullptr) return {};
  ++stream->items;
  AddPending(task, *stream);
  return Item(task, stream->items + 1);
}

}  // namespace orrery
