// What a core worker and a node's store do for the API, as far as the API can tell: objects in one shared memory, by
// the contract of the messages.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/client.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

class StoreBackend final : public internal::Backend {
 public:
  explicit StoreBackend(uint64_t cluster = 1, uint64_t inline_limit = 1000)
      : arena_(ArenaMap::Create(64 << 20).value()),
        client_(&internal::Client::Open(
            *this, {WorkerId::Of(NodeId{1}, 1), JobId{1}, NodeId{1}, Address{0x7f00000123, 5}, cluster},
            {.inline_limit = inline_limit})) {}
  ~StoreBackend() override { client_->Close(); }

  void Post(Message message) override {
    switch (message.kind()) {
      case MessageKind::kAllocateObject: return Allocate(message.As<msg::AllocateObject>());
      case MessageKind::kPutObject: {
        const auto& put = message.As<msg::PutObject>();
        Value& value = values_[FromProto(put.object())];
        value.bytes = put.value();
        value.size = put.size();
        if (put.in_room()) value.offset = put.offset();
        for (const msg::RefProto& ref : put.refs()) value.refs.push_back(FromProto(ref));
        break;
      }
      case MessageKind::kAbandonObject: values_.erase(FromProto(message.As<msg::AbandonObject>().object())); break;
      case MessageKind::kGetObjects: return Get(message.As<msg::GetObjects>());
      case MessageKind::kReleaseView: --views_[FromProto(message.As<msg::ReleaseView>().object())]; break;
      case MessageKind::kBorrowObject: borrowed_.push_back(FromProto(message.As<msg::BorrowObject>().object())); break;
      case MessageKind::kReleaseObjects:
        for (const msg::ObjectKey& key : message.As<msg::ReleaseObjects>().objects())
          released_.push_back(FromProto(key));
        break;
      case MessageKind::kReturnRooms:
        for (int64_t offset : message.As<msg::ReturnRooms>().offsets()) returned_.push_back(offset);
        break;
      case MessageKind::kSubmitTask: submitted_.push_back(message.Clone()); break;
      default: break;
    }
    posted_.push_back(message.kind());
  }
  bool Await(internal::Call& call) override { return call.done; }
  void Complete(internal::Call& call) override { call.done = true; }
  void CountFinished(internal::Client&) override {}
  Result<std::shared_ptr<ArenaMap>> OpenArena() override {
    ++opened_;
    return arena_;
  }

  struct Value {
    std::string bytes;
    int64_t offset = 0, size = 0;
    std::vector<ObjectReference> refs;
  };
  // The next allocations end like this.
  void Refuse(StatusCode status) { refusal_ = status; }
  // `count` rooms of `size` bytes; the offset of the first, which others follow.
  int64_t GiveRooms(int64_t size, int count) {
    const int64_t first = next_;
    Draft<msg::GiveRooms> given;
    given->set_size(size);
    for (; count > 0; --count, next_ += (size + 63) / 64 * 64) given->add_offsets(next_);
    client_->OnMessage(std::move(given));
    return first;
  }
  void ReclaimRooms() { client_->OnMessage(Draft<msg::ReclaimRooms>()); }
  const std::vector<int64_t>& returned() const { return returned_; }
  int count(MessageKind kind) const { return static_cast<int>(std::count(posted_.begin(), posted_.end(), kind)); }
  const Value& value(ObjectId object) { return values_.at(object); }
  bool has(ObjectId object) const { return values_.count(object) != 0; }
  int views(ObjectId object) { return views_[object]; }
  const std::vector<ObjectReference>& borrowed() const { return borrowed_; }
  const std::vector<ObjectId>& released() const { return released_; }
  const std::vector<Message>& submitted() const { return submitted_; }
  ArenaMap& arena() { return *arena_; }
  int opened() const { return opened_; }
  internal::Client& client() { return *client_; }

 private:
  void Allocate(const msg::AllocateObject& request) {
    posted_.push_back(MessageKind::kAllocateObject);
    Draft<msg::ObjectAllocated> allocated;
    allocated->set_request(request.request());
    allocated->set_status(static_cast<uint32_t>(refusal_));
    allocated->set_message("refused");
    if (refusal_ == StatusCode::kOk) {
      values_[FromProto(request.object())] = {"", next_, request.size(), {}};
      allocated->set_offset(next_);
      next_ += (request.size() + 63) / 64 * 64;
    }
    client_->OnMessage(std::move(allocated));
  }
  void Get(const msg::GetObjects& request) {
    posted_.push_back(MessageKind::kGetObjects);
    Draft<msg::ObjectsReady> ready;
    ready->set_request(request.request());
    for (const msg::ObjectKey& key : request.objects()) {
      const Value& value = values_.at(FromProto(key));
      msg::ObjectValue& answer = *ready->add_values();
      *answer.mutable_object() = key;
      answer.set_value(value.bytes);
      answer.set_size(value.size);
      answer.set_offset(value.offset);
      if (value.size > 0) ++views_[FromProto(key)];
    }
    client_->OnMessage(std::move(ready));
  }

  std::shared_ptr<ArenaMap> arena_;
  internal::Client* client_;
  StatusCode refusal_ = StatusCode::kOk;
  int64_t next_ = 64;
  int opened_ = 0;
  std::map<ObjectId, Value> values_;
  std::map<ObjectId, int> views_;
  std::vector<ObjectReference> borrowed_;
  std::vector<ObjectId> released_;
  std::vector<int64_t> returned_;
  std::vector<Message> submitted_;
  std::vector<MessageKind> posted_;
};

}  // namespace orrery::test
