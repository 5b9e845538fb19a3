// Owned tasks that are generators: items as they are reported, and what becomes of items that are lost.
#include <algorithm>
#include <utility>

#include "runtime/core_worker/task_manager.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void TaskManager::OnReportItem(const Address& from, msg::ReportItem& report) {
  const uint64_t task = report.index();
  const ObjectId object{{core_.id, task}, report.item()};
  OwnedTask* entry = Find(task);
  const bool current = entry != nullptr && entry->attempt == report.attempt() && report.item() != 0 &&
                       entry->submit.As<msg::SubmitTask>().spec().streaming();
  if (!current) {
    core_.env.Trace({.kind = TraceKind::kStaleMessage, .task = object.task, .text = "ReportItem"});
  } else {
    entry->yielded = report.item();
    if (streams_.Accept(task, report.item(), from, report.attempt())) {
      entry->items = std::max(entry->items, report.item());
      entry->items_stored |= report.stored().size() > 0;
      if (report.has_stored()) TakeStored(object, *entry, report.stored());
      TakeValue(object, std::move(*report.mutable_value()));
    }
  }
  // What kept the refs inside alive so far may let go when all that was begun here is registered.
  const uint32_t received = report.stored().refs_size() > 0 ? report.item() : 0;
  if (received != 0) {
    Draft<msg::StreamProgress> progress;
    progress->set_owner(core_.id.value);
    progress->set_index(task);
    progress->set_attempt(report.attempt());
    progress->set_received(received);
    objects_.borrowing.SendAfterRegistrations(from, std::move(progress));
  }
  if (current) streams_.Answer(task, from, report.attempt());
}

void TaskManager::OnConsumeItems(const msg::ConsumeItems& notice) {
  streams_.Consume(notice.index(), notice.taken(), notice.drop());
}

// The generator ends, and with it the stream: what its reader gets next is the reason, and then the end.
void TaskManager::EndStream(uint64_t task, const OwnedTask& entry, const AttemptResult& result) {
  const bool again = EndItems(task, entry, result);
  if (const ObjectId last = streams_.End(task)) {
    ObjectId end = last;
    if (result.status != StatusCode::kOk) {
      end = streams_.Extend(task);
      const std::string what = ToString(last.task) + ": ";
      const bool own_words = result.status == StatusCode::kApplicationError;
      Seal(last, {result.status, {}, (own_words ? "" : what) + result.error, result.stack, 0});
    }
    if (end) Seal(end, {StatusCode::kEndOfStream, {}, "the generator has no more items", {}, 0});
  }
  if (again) Rebuild(task, *objects_.lineage.Find(task));
}

// Items that were lost and have not been made again. True: they were lost when this attempt was past them already, and
// another one can make them.
bool TaskManager::EndItems(uint64_t task, const OwnedTask& entry, const AttemptResult& result) {
  const KeptTask* kept = objects_.lineage.Find(task);
  const bool possible = result.status == StatusCode::kOk && kept != nullptr && kept->retries_left != 0;
  bool again = false;
  for (uint32_t item = 1; item <= entry.items; ++item) {
    const ObjectId object{{core_.id, task}, item};
    const ObjectRecord* record = store_.Get(object);
    if (record == nullptr || record->ready) continue;
    if (possible && item <= entry.yielded) {
      again = true;
      continue;
    }
    const std::string why = result.status == StatusCode::kOk ? "its generator did not yield it again" : result.error;
    Seal(object, {StatusCode::kObjectLost, {}, ToString(object) + ": every copy was lost, and " + why, {}, 0});
  }
  return again;
}

}  // namespace orrery
