// The kinds of messages and the roles that exchange them, from message_table.inc. Includes no Protobuf header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery {

enum class MessageKind : uint16_t {
  kNone = 0,
#define ORRERY_MESSAGE(name, ...) k##name,
#include "runtime/messages/message_table.inc"
#undef ORRERY_MESSAGE
  kCount
};
inline constexpr size_t kMessageKinds = static_cast<size_t>(MessageKind::kCount);

enum class Role : uint8_t {
  kGcs,
  kNodeManager,
  kCoreWorker,
  kHost,
  kExecutor,
  kApplication,
  kClient,
  kMemory,
  kStorage,
  kAutoscaler,
  kProvider
};
enum class Delivery : uint8_t { kRequest, kReply, kNotice, kLocal };

// One row of the table.
struct MessageInfo {
  MessageKind kind;
  std::string_view name;
  Role source;
  Role target;
  Delivery delivery;
  MessageKind reply;         // kNone unless a request
  std::string_view key;      // what makes a second copy harmless
  std::string_view timeout;  // the setting after which the sender acts
  std::string_view on_loss;
};
const MessageInfo& InfoOf(MessageKind kind);
std::string_view RoleName(Role role);
std::string_view DeliveryName(Delivery delivery);

// kNone for an unknown name.
MessageKind KindByName(std::string_view name);

// The table as Markdown, for ARCHITECTURE.md (tests/tidy compares).
std::string_view MessageTableMarkdown();

// The generated classes, declared so that headers need no orrery.pb.h.
namespace msg {
#define ORRERY_MESSAGE(name, ...) class name;
#include "runtime/messages/message_table.inc"
#undef ORRERY_MESSAGE
class ActorInfo;
class ActorKey;
class ActorSpec;
class AddressProto;
class CloudInstance;
class DemandStatus;
class BundleSpec;
class BundleStatus;
class GangDemand;
class GroupKey;
class InstanceRecord;
class GpuShare;
class Label;
class LabelCondition;
class LeaseKey;
class NodeLoad;
class NodeStatus;
class LeaseArg;
class ObjectKey;
class ObjectRow;
class ObjectValue;
class RefProto;
class SpillPart;
class PlacementGroupInfo;
class StoredActor;
class StoredPlacementGroup;
class StoredReturn;
class TaskArg;
class ResourceAmount;
class SchedulingSpec;
class TaskSpec;
class WorkerCommand;
}  // namespace msg

template <class Body>
struct KindOf;
#define ORRERY_MESSAGE(name, ...)                               \
  template <>                                                   \
  struct KindOf<msg::name> {                                    \
    static constexpr MessageKind kValue = MessageKind::k##name; \
  };
#include "runtime/messages/message_table.inc"
#undef ORRERY_MESSAGE

}  // namespace orrery
