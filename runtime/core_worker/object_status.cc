#include "runtime/core_worker/object_status.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void ObjectStatusExchange::Ask(ObjectId object) {
  ObjectRecord* record = store_.Get(object);
  if (record == nullptr || record->ready || !record->foreign() || record->extra->asked != 0) return;
  record->extra->asked = ++last_question_;
  Draft<msg::GetObjectStatus> question;
  ToProto(object, question->mutable_object());
  core_.requests.Send({MessageKind::kGetObjectStatus, last_question_, 0}, record->extra->owner, std::move(question));
}

void ObjectStatusExchange::OnObjectStatus(msg::ObjectStatus& status) {
  const ObjectId object = FromProto(status.object());
  ObjectRecord* record = store_.Get(object);
  if (record == nullptr || record->ready || !record->foreign() || record->extra->asked == 0) {
    return core_.env.Trace({.kind = TraceKind::kStaleMessage, .task = object.task, .text = "ObjectStatus"});
  }
  ObjectExtra& extra = *record->extra;
  core_.requests.Done({MessageKind::kGetObjectStatus, std::exchange(extra.asked, 0), 0});
  extra.size = status.size();
  extra.node = NodeId{status.node()};
  extra.node_manager = FromProto(status.node_manager());
  references_.Note(object, status.refs());
  core_.actions->Seal(object, {static_cast<StatusCode>(status.status()), std::move(*status.mutable_value()),
                               std::move(*status.mutable_error()), std::move(*status.mutable_stack()), 0});
}

void ObjectStatusExchange::OnGetObjectStatus(const Address& from, const msg::GetObjectStatus& request) {
  const ObjectId object = FromProto(request.object());
  ObjectRecord* record = store_.Get(object);
  if (record != nullptr && record->ready && record->stored() && !record->foreign() && !directory_.HasCopy(object)) {
    core_.actions->Recover(object);
    record = store_.Get(object);
  }
  if (record == nullptr || record->ready || record->foreign()) return AnswerOne(object, record, from);
  auto& askers = record->Extra().askers;
  if (std::find(askers.begin(), askers.end(), from) == askers.end()) askers.push_back(from);
}

void ObjectStatusExchange::Answer(ObjectId object, const std::vector<Address>& askers) {
  for (const Address& asker : askers) AnswerOne(object, store_.Get(object), asker);
}

void ObjectStatusExchange::AnswerOne(ObjectId object, const ObjectRecord* record, const Address& asker) {
  Draft<msg::ObjectStatus> status;
  ToProto(object, status->mutable_object());
  if (record == nullptr || record->foreign()) {
    status->set_status(static_cast<uint32_t>(StatusCode::kObjectLost));
    status->set_error(ToString(object) + ": its owner does not know it any more");
    return core_.env.Send(asker, std::move(status));
  }
  const StoredValue& value = record->value;
  status->set_status(static_cast<uint32_t>(value.status));
  status->set_value(value.bytes);
  status->set_error(value.error);
  status->set_stack(value.stack);
  if (record->extra != nullptr) {
    status->set_size(record->extra->size);
    for (const ObjectReference& ref : record->extra->refs) ToProto(ref, status->add_refs());
  }
  if (record->stored()) {
    const auto [node, node_manager] = directory_.Holder(object);
    status->set_node(node.value);
    ToProto(node_manager, status->mutable_node_manager());
  }
  core_.env.Send(asker, std::move(status));
}

}  // namespace orrery
