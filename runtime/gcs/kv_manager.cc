#include "runtime/gcs/kv_manager.h"

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
uint32_t Code(StatusCode code) { return static_cast<uint32_t>(code); }
}  // namespace

void KvManager::Put(const msg::KvPut& request, msg::KvReply& reply) {
  if (request.value().size() > kMaxValueBytes || request.key().size() > kMaxKeyBytes) {
    reply.set_status(Code(StatusCode::kTooLarge));
    return;
  }
  if (request.space().find('\0') != std::string::npos) {
    reply.set_status(Code(StatusCode::kInvalidArgument));
    return;
  }
  const auto [it, inserted] = entries_.try_emplace({request.space(), request.key()}, request.value());
  if (!inserted && request.overwrite()) it->second = request.value();
  reply.set_changed(inserted || request.overwrite());
  if (reply.changed()) store_.Put(StateTable::kKv, RowKey(request.space(), request.key()), request.value());
  if (!inserted && !request.overwrite()) reply.set_status(Code(StatusCode::kAlreadyExists));
}

void KvManager::Restore(const StateRow& row) {
  const size_t end = row.key.find('\0');
  entries_[{row.key.substr(0, end), row.key.substr(end + 1)}] = row.value;
}

void KvManager::OnMessage(const Address& from, const Message& message) {
  Draft<msg::KvReply> reply;
  switch (message.kind()) {
    case MessageKind::kKvPut: {
      const auto& request = message.As<msg::KvPut>();
      reply->set_request(request.request());
      Put(request, *reply);
      break;
    }
    case MessageKind::kKvGet: {
      const auto& request = message.As<msg::KvGet>();
      reply->set_request(request.request());
      auto it = entries_.find({request.space(), request.key()});
      if (it == entries_.end())
        reply->set_status(Code(StatusCode::kNotFound));
      else
        reply->set_value(it->second);
      break;
    }
    case MessageKind::kKvDelete: {
      const auto& request = message.As<msg::KvDelete>();
      reply->set_request(request.request());
      reply->set_changed(entries_.erase({request.space(), request.key()}) != 0);
      if (reply->changed()) store_.Erase(StateTable::kKv, RowKey(request.space(), request.key()));
      break;
    }
    case MessageKind::kKvKeys: {
      const auto& request = message.As<msg::KvKeys>();
      reply->set_request(request.request());
      for (auto it = entries_.lower_bound({request.space(), request.prefix()});
           it != entries_.end() && it->first.first == request.space() && it->first.second.starts_with(request.prefix());
           ++it) {
        reply->add_keys(it->first.second);
      }
      break;
    }
    default: ORRERY_ASSERT_MSG(false, "not a key-value message");
  }
  store_.Send(from, std::move(reply));
}

}  // namespace orrery
