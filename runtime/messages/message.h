// A message in flight: its kind and its Protobuf body, owned. Passed by move; the wire form is made only at a real
// wire.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/common/assert.h"
#include "runtime/common/status.h"
#include "runtime/messages/kinds.h"

namespace google::protobuf {
class Message;
}

namespace orrery {

class Message {
 public:
  using Proto = google::protobuf::Message;

  Message() = default;
  Message(MessageKind kind, Proto* body) : kind_(kind), body_(body) {}
  Message(Message&& other) noexcept
      : kind_(std::exchange(other.kind_, MessageKind::kNone)), body_(std::exchange(other.body_, nullptr)) {}
  Message& operator=(Message&& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(body_, other.body_);
    return *this;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() {
    if (body_ != nullptr) Destroy();
  }

  // A new, empty body of a kind.
  static Message New(MessageKind kind);
  // A deep copy.
  Message Clone() const;

  MessageKind kind() const { return kind_; }
  std::string_view name() const { return InfoOf(kind_).name; }
  explicit operator bool() const { return body_ != nullptr; }
  const Proto& proto() const { return *body_; }
  // Gives the body to the caller; Message(kind, body) takes it back.
  Proto* Release() {
    kind_ = MessageKind::kNone;
    return std::exchange(body_, nullptr);
  }

  // The body as its class, which must match the kind. Needs orrery.pb.h at the call.
  template <class Body>
  Body& As() const {
    ORRERY_ASSERT(KindOf<Body>::kValue == kind_);
    return *static_cast<Body*>(body_);
  }

  // Bytes of the body on the wire, without framing.
  size_t EncodedSize() const;
  // Appends the body's wire form. Deterministic for equal content (no maps in the schema).
  void AppendTo(std::string& out) const;
  // Parses a body. kInvalidArgument names the kind when the bytes are not one.
  static Result<Message> Parse(MessageKind kind, std::string_view bytes);
  // One line: name and fields in text format.
  std::string DebugString() const;

 private:
  void Destroy();
  MessageKind kind_ = MessageKind::kNone;
  Proto* body_ = nullptr;
};

// Owns a message under construction and gives typed access: `Draft<msg::PushTask> push; push->set_attempt(1);`
// `env.Send(to, std::move(push));`. Needs orrery.pb.h at the call.
template <class Body>
class Draft {
 public:
  Draft() : message_(Message::New(KindOf<Body>::kValue)) {}
  Body* operator->() { return &message_.As<Body>(); }
  Body& operator*() { return message_.As<Body>(); }
  operator Message() && { return std::move(message_); }  // NOLINT(google-explicit-constructor)

 private:
  Message message_;
};

}  // namespace orrery
