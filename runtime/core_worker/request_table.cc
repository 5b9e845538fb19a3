#include "runtime/core_worker/request_table.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

bool RequestTable::OnGet(const msg::GetObjects& get) {
  Request request;
  request.from_task = get.from_task();
  request.objects.reserve(static_cast<size_t>(get.objects_size()));
  for (const msg::ObjectKey& key : get.objects()) request.objects.push_back(FromProto(key));
  request.missing = static_cast<uint32_t>(request.objects.size());
  return Begin(get.request(), std::move(request), get.timeout_ns());
}

bool RequestTable::OnWait(const msg::WaitObjects& wait) {
  Request request;
  request.wait = true;
  request.from_task = wait.from_task();
  for (const msg::ObjectKey& key : wait.objects()) request.objects.push_back(FromProto(key));
  request.missing = std::min<uint32_t>(wait.num_returns(), static_cast<uint32_t>(request.objects.size()));
  return Begin(wait.request(), std::move(request), wait.timeout_ns());
}

bool RequestTable::Begin(uint64_t id, Request request, int64_t timeout_ns) {
  std::vector<ObjectId> pending;
  for (ObjectId object : request.objects) RecoverIfLost(object);  // may give others among them a value
  for (ObjectId object : request.objects) {
    if (There(id, request, object)) {
      if (request.missing > 0) --request.missing;
    } else if (!store_.Get(object)->ready) {
      pending.push_back(object);
    }
  }
  if (request.missing == 0 || timeout_ns == 0) {
    Answer(id, request, request.missing != 0);
    return false;
  }
  for (ObjectId object : pending) store_.AddRequest(object, id);
  request.timed = timeout_ns > 0;
  if (request.timed) core_.env.SetTimer(Duration::Nanos(timeout_ns), TimerKind::kGetTimeout, id);
  const uint32_t from_task = request.from_task;
  if (from_task != 0) of_task_.emplace(from_task, id);
  requests_.Insert(id, std::move(request));
  return from_task != 0;
}

void RequestTable::RecoverIfLost(ObjectId object) {
  const ObjectRecord* record = store_.Get(object);
  if (record != nullptr && objects_.Lost(object, *record)) core_.actions->Recover(object);
}

// Need not be waited for. Begins what brings it here otherwise.
bool RequestTable::There(uint64_t id, Request& request, ObjectId object) {
  const ObjectRecord* record = store_.Get(object);
  // An object that is not here will never come: it counts as there, and is answered with an error.
  if (record == nullptr) return true;
  if (!record->ready) {
    if (record->foreign()) objects_.status.Ask(object);
    return false;
  }
  if (!record->stored() || request.wait) return true;
  request.pinned.push_back(object);
  return objects_.client.Acquire(objects_.RefOf(object, *record), record->extra->size, id);
}

int RequestTable::OnObjectReady(uint64_t id, ObjectId object, bool stored) {
  Request* request = requests_.Find(id);
  if (request == nullptr) return 0;
  if (stored && !request->wait) {
    RecoverIfLost(object);  // its node may have died meanwhile; may answer other requests
    request = requests_.Find(id);
    if (request == nullptr) return 0;
    if (!There(id, *request, object)) {
      if (!store_.Get(object)->ready) store_.AddRequest(object, id);
      return 0;
    }
  }
  return MissingOneLess(id, request);
}

int RequestTable::OnObjectLocal(uint64_t id) { return MissingOneLess(id, requests_.Find(id)); }

int RequestTable::MissingOneLess(uint64_t id, Request* found) {
  if (found == nullptr || --found->missing > 0) return 0;
  const Request request = std::move(*found);
  requests_.Erase(id);
  of_task_.erase({request.from_task, id});
  if (request.timed) core_.env.CancelTimer(TimerKind::kGetTimeout, id);
  Answer(id, request, false);
  return request.from_task != 0 ? 1 : 0;
}

int RequestTable::OnTimeout(uint64_t id) {
  Request* found = requests_.Find(id);
  if (found == nullptr) return 0;
  const Request request = std::move(*found);
  requests_.Erase(id);
  of_task_.erase({request.from_task, id});
  Answer(id, request, true);
  return request.from_task != 0 ? 1 : 0;
}

int RequestTable::ForgetTask(uint32_t execution) {
  int forgotten = 0;
  for (auto it = of_task_.lower_bound({execution, 0}); it != of_task_.end() && it->first == execution; ++forgotten) {
    const uint64_t id = it->second;
    const Request& request = *requests_.Find(id);
    if (request.timed) core_.env.CancelTimer(TimerKind::kGetTimeout, id);
    for (ObjectId object : request.pinned) objects_.client.Drop(object);
    requests_.Erase(id);
    it = of_task_.erase(it);
  }
  return forgotten;
}

void RequestTable::Answer(uint64_t id, const Request& request, bool timed_out) {
  if (request.wait)
    AnswerWait(id, request);
  else
    AnswerGet(id, request, timed_out);
}

void RequestTable::AnswerGet(uint64_t id, const Request& request, bool timed_out) {
  Draft<msg::ObjectsReady> answer;
  answer->set_request(id);
  answer->mutable_values()->Reserve(static_cast<int>(request.objects.size()));
  if (timed_out) answer->set_status(static_cast<uint32_t>(StatusCode::kTimedOut));
  for (ObjectId object : request.objects) {
    const ObjectRecord* record = store_.Get(object);
    const bool here = record != nullptr && record->ready && !record->stored();
    const bool viewed = !here && objects_.client.Settled(object);
    if (!here && !viewed && record != nullptr) continue;  // timed out
    msg::ObjectValue* out = answer->add_values();
    ToProto(object, out->mutable_object());
    if (viewed) {
      FillView(object, out);
      continue;
    }
    const StoredValue* value = record == nullptr ? nullptr : &record->value;
    if (value == nullptr) {
      out->set_status(static_cast<uint32_t>(StatusCode::kNotFound));
      out->set_error(ToString(object) + " is not owned by this process, or was released");
      continue;
    }
    out->set_status(static_cast<uint32_t>(value->status));
    // An empty string would cost an allocation, too.
    if (!value->bytes.empty()) out->set_value(value->bytes);
    if (!value->error.empty()) out->set_error(value->error);
    if (!value->stack.empty()) out->set_stack(value->stack);
  }
  for (ObjectId object : request.pinned) objects_.client.Drop(object);
  core_.env.Send(Address::Application(), std::move(answer));
}

// The view is held from here on until ReleaseView; the request's own hold ends with it.
void RequestTable::FillView(ObjectId object, msg::ObjectValue* out) {
  const ObjectView& view = objects_.client.Find(object);
  if (view.status.ok()) {
    out->set_size(view.size);
    out->set_offset(view.offset);
    objects_.client.Hold(object);
  } else {
    out->set_status(static_cast<uint32_t>(view.status.code()));
    out->set_error(view.status.message());
  }
}

void RequestTable::AnswerWait(uint64_t id, const Request& request) {
  Draft<msg::WaitReply> answer;
  answer->set_request(id);
  for (uint32_t i = 0; i < request.objects.size(); ++i) {
    const ObjectId object = request.objects[i];
    const StoredValue* value = store_.Find(object);
    if (value == nullptr && store_.Contains(object)) continue;
    answer->add_ready(i);
    if (value != nullptr && value->status == StatusCode::kEndOfStream) answer->add_ended(i);
  }
  core_.env.Send(Address::Application(), std::move(answer));
}

}  // namespace orrery
