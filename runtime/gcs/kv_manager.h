// The cluster's small key-value store, for names and configuration. Keys live in spaces.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/env/env.h"
#include "runtime/messages/message.h"

namespace orrery {

class KvManager {
 public:
  static constexpr size_t kMaxValueBytes = 16 << 20;
  static constexpr size_t kMaxKeyBytes = 4096;

  explicit KvManager(Env& env) : env_(env) {}
  // KvPut, KvGet, KvDelete or KvKeys; answers with KvReply.
  void OnMessage(const Address& from, const Message& message);

 private:
  void Put(const msg::KvPut& request, msg::KvReply& reply);

  Env& env_;
  std::map<std::pair<std::string, std::string>, std::string> entries_;
};

}  // namespace orrery
