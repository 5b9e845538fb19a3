#include "runtime/messages/message.h"

#include "runtime/messages/body_pool.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

Message Message::New(MessageKind kind) {
  if (Proto* kept = BodyPool::Take(kind)) return Message(kind, kept);
  switch (kind) {
#define ORRERY_MESSAGE(name, ...) \
  case MessageKind::k##name: return Message(kind, new msg::name);
#include "runtime/messages/message_table.inc"
#undef ORRERY_MESSAGE
    default: break;
  }
  AssertionFailed("known message kind", __FILE__, __LINE__, "");
}

Message Message::Clone() const {
  Message copy = New(kind_);
  copy.body_->CopyFrom(*body_);
  return copy;
}

size_t Message::EncodedSize() const { return body_->ByteSizeLong(); }

void Message::AppendTo(std::string& out) const { ORRERY_ASSERT(body_->AppendToString(&out)); }

Result<Message> Message::Parse(MessageKind kind, std::string_view bytes) {
  if (kind == MessageKind::kNone || kind >= MessageKind::kCount) {
    return Status(StatusCode::kInvalidArgument, "unknown message kind " + std::to_string(static_cast<int>(kind)));
  }
  Message message = New(kind);
  if (!message.body_->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Status(StatusCode::kInvalidArgument,
                  "malformed " + std::string(InfoOf(kind).name) + " (" + std::to_string(bytes.size()) + " bytes)");
  }
  return message;
}

std::string Message::DebugString() const { return std::string(name()) + " { " + body_->ShortDebugString() + " }"; }

void Message::Destroy() {
  if (!BodyPool::Keep(kind_, body_)) delete body_;
}

}  // namespace orrery
