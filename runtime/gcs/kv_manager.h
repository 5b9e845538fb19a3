// The cluster's small key-value store, for names and configuration. Keys live in spaces.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/gcs/state_store.h"
#include "runtime/messages/message.h"

namespace orrery {

class KvManager {
 public:
  static constexpr size_t kMaxValueBytes = 16 << 20;
  static constexpr size_t kMaxKeyBytes = 4096;

  explicit KvManager(StateStore& store) : store_(store) {}
  // A row of kKv, of the GCS before this one.
  void Restore(const StateRow& row);
  // KvPut, KvGet, KvDelete or KvKeys; answers with KvReply.
  void OnMessage(const Address& from, const Message& message);
  // Values by space and key.
  const std::map<std::pair<std::string, std::string>, std::string>& all() const { return entries_; }

 private:
  // The row's key: "space\0key".
  static std::string RowKey(const std::string& space, const std::string& key) { return space + '\0' + key; }
  void Put(const msg::KvPut& request, msg::KvReply& reply);

  StateStore& store_;
  std::map<std::pair<std::string, std::string>, std::string> entries_;
};

}  // namespace orrery
