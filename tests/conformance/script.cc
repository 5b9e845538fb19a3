#include "tests/conformance/script.h"

#include <algorithm>

namespace orrery {

namespace {

// Bytes that differ along the message and between messages, cheap to make and to check.
std::string Content(uint64_t number, size_t bytes) {
  std::string content(bytes, '\0');
  uint64_t x = Mix64(number + 1);
  for (size_t i = 0; i < bytes; ++i) {
    if (i % 8 == 0) x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    content[i] = static_cast<char>(x >> (8 * (i % 8)));
  }
  return content;
}

}  // namespace

size_t Script::CountLost(const Address& peer) const {
  return static_cast<size_t>(std::count(lost.begin(), lost.end(), peer));
}

Message MakeLoad(uint64_t number, size_t bytes) {
  Draft<msg::KvPut> message;
  message->set_request(number);
  message->set_value(Content(number, bytes));
  return message;
}

void ScriptMachine::OnMessage(const Address& from, Message message) {
  const auto& load = message.As<msg::KvPut>();
  const uint64_t number = load.request();
  const size_t bytes = load.value().size();
  script_.received.push_back({from, number, bytes, load.value() == Content(number, bytes)});
  if (script_.on_message) script_.on_message(env_, from, number);
}

void ScriptMachine::OnTimer(TimerKind, uint64_t id) {
  script_.timers.push_back(id);
  if (script_.on_timer) script_.on_timer(env_, id);
}

void ScriptMachine::OnPeerLost(const Address& peer) {
  script_.lost.push_back(peer);
  if (script_.on_lost) script_.on_lost(env_, peer);
}

}  // namespace orrery
