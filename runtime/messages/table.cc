#include <array>
#include <string>

#include "runtime/messages/kinds.h"

namespace orrery {

namespace {

constexpr std::array<MessageInfo, kMessageKinds> kTable = {{
    {MessageKind::kNone, "None", Role::kClient, Role::kClient, Delivery::kLocal, MessageKind::kNone, "-", "-", "-"},
#define ORRERY_MESSAGE(name, source, target, delivery, reply, key, timeout, on_loss) \
  {MessageKind::k##name,  #name, Role::source, Role::target, Delivery::delivery,     \
   MessageKind::k##reply, key,   timeout,      on_loss},
#include "runtime/messages/message_table.inc"
#undef ORRERY_MESSAGE
}};

std::string MakeMarkdown() {
  std::string text = "| message | from | to | delivery | answered by | idempotency key | time-out | when lost |\n";
  text += "|---|---|---|---|---|---|---|---|\n";
  for (size_t i = 1; i < kMessageKinds; ++i) {
    const MessageInfo& row = kTable[i];
    const std::string_view reply = row.reply == MessageKind::kNone ? "-" : InfoOf(row.reply).name;
    for (std::string_view cell : {row.name, RoleName(row.source), RoleName(row.target), DeliveryName(row.delivery),
                                  reply, row.key, row.timeout, row.on_loss}) {
      text += "| " + std::string(cell) + " ";
    }
    text += "|\n";
  }
  return text;
}

}  // namespace

const MessageInfo& InfoOf(MessageKind kind) { return kTable[static_cast<size_t>(kind)]; }

std::string_view RoleName(Role role) {
  constexpr std::array<std::string_view, 11> kNames = {"GCS",      "node manager", "core worker", "host",
                                                       "executor", "application",  "client",      "memory",
                                                       "storage",  "autoscaler",   "provider"};
  return kNames[static_cast<size_t>(role)];
}

std::string_view DeliveryName(Delivery delivery) {
  constexpr std::array<std::string_view, 4> kNames = {"request", "reply", "notice", "local"};
  return kNames[static_cast<size_t>(delivery)];
}

MessageKind KindByName(std::string_view name) {
  for (size_t i = 1; i < kMessageKinds; ++i) {
    if (kTable[i].name == name) return kTable[i].kind;
  }
  return MessageKind::kNone;
}

std::string_view MessageTableMarkdown() {
  static const std::string text = MakeMarkdown();
  return text;
}

}  // namespace orrery
