#include "runtime/messages/trace_text.h"

#include <charconv>

namespace orrery {

namespace {

void AppendNumber(std::string& out, uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}
void AppendNumber(std::string& out, int64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// Length of the UTF-8 sequence that begins at text[i], or 0 when there is none.
size_t SequenceLength(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char c = byte(i);
  if (c < 0x80) return 1;
  const size_t length = c >= 0xf0 && c <= 0xf4 ? 4 : c >= 0xe0 ? (c < 0xf0 ? 3 : 0) : c >= 0xc2 ? 2 : 0;
  if (length == 0 || i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  if ((c == 0xe0 && byte(i + 1) < 0xa0) || (c == 0xed && byte(i + 1) >= 0xa0) || (c == 0xf0 && byte(i + 1) < 0x90) ||
      (c == 0xf4 && byte(i + 1) >= 0x90)) {
    return 0;
  }
  return length;
}

}  // namespace

std::string_view TraceKindName(TraceKind kind) {
  switch (kind) {
    case TraceKind::kTaskSubmitted: return "TaskSubmitted";
    case TraceKind::kTaskFinished: return "TaskFinished";
    case TraceKind::kTaskRetried: return "TaskRetried";
    case TraceKind::kLeaseRequested: return "LeaseRequested";
    case TraceKind::kLeaseGranted: return "LeaseGranted";
    case TraceKind::kLeaseSpilled: return "LeaseSpilled";
    case TraceKind::kLeaseReturned: return "LeaseReturned";
    case TraceKind::kLeasePreempted: return "LeasePreempted";
    case TraceKind::kNodeRegistered: return "NodeRegistered";
    case TraceKind::kNodeDead: return "NodeDead";
    case TraceKind::kNodeDraining: return "NodeDraining";
    case TraceKind::kWorkerStarting: return "WorkerStarting";
    case TraceKind::kWorkerRegistered: return "WorkerRegistered";
    case TraceKind::kWorkerExited: return "WorkerExited";
    case TraceKind::kJobStarted: return "JobStarted";
    case TraceKind::kJobFinished: return "JobFinished";
    case TraceKind::kStaleMessage: return "StaleMessage";
    case TraceKind::kTransition: return "Transition";
    case TraceKind::kInfeasible: return "Infeasible";
    case TraceKind::kFaultFired: return "FaultFired";
    case TraceKind::kActorState: return "ActorState";
    case TraceKind::kGroupState: return "PlacementGroupState";
    case TraceKind::kObjectCreated: return "ObjectCreated";
    case TraceKind::kObjectCopied: return "ObjectCopied";
    case TraceKind::kObjectEvicted: return "ObjectEvicted";
    case TraceKind::kObjectSpilled: return "ObjectSpilled";
    case TraceKind::kObjectRestored: return "ObjectRestored";
    case TraceKind::kObjectFreed: return "ObjectFreed";
    case TraceKind::kObjectLost: return "ObjectLost";
    case TraceKind::kObjectRebuilt: return "ObjectRebuilt";
    case TraceKind::kChunkFetched: return "ChunkFetched";
    case TraceKind::kAutoscalerRound: return "AutoscalerRound";
    case TraceKind::kAutoscalerAction: return "AutoscalerAction";
    case TraceKind::kNodeDrained: return "NodeDrained";
    case TraceKind::kArgumentsLocal: return "ArgumentsLocal";
  }
  return "Unknown";
}

std::string_view TimerKindName(TimerKind kind) {
  switch (kind) {
    case TimerKind::kHealthCheck: return "HealthCheck";
    case TimerKind::kActorRetry: return "ActorRetry";
    case TimerKind::kGroupRetry: return "GroupRetry";
    case TimerKind::kGroupsWait: return "GroupsWait";
    case TimerKind::kPreemption: return "Preemption";
    case TimerKind::kGroupTimeout: return "GroupTimeout";
    case TimerKind::kRegisterNode: return "RegisterNode";
    case TimerKind::kResourceReport: return "ResourceReport";
    case TimerKind::kIdleReap: return "IdleReap";
    case TimerKind::kKillGrace: return "KillGrace";
    case TimerKind::kWorkerRegister: return "WorkerRegister";
    case TimerKind::kGcsReconnect: return "GcsReconnect";
    case TimerKind::kPickRetry: return "PickRetry";
    case TimerKind::kPromise: return "Promise";
    case TimerKind::kPullRetry: return "PullRetry";
    case TimerKind::kOwnerCheck: return "OwnerCheck";
    case TimerKind::kSpill: return "Spill";
    case TimerKind::kRoomsAhead: return "RoomsAhead";
    case TimerKind::kCreateTimeout: return "CreateTimeout";
    case TimerKind::kRetryRequests: return "RetryRequests";
    case TimerKind::kGcsAgain: return "GcsAgain";
    case TimerKind::kLeaseExpiry: return "LeaseExpiry";
    case TimerKind::kTaskRetry: return "TaskRetry";
    case TimerKind::kGetTimeout: return "GetTimeout";
    case TimerKind::kBorrowerCheck: return "BorrowerCheck";
    case TimerKind::kRegister: return "Register";
    case TimerKind::kBacklog: return "Backlog";
    case TimerKind::kAutoscalerRound: return "AutoscalerRound";
    case TimerKind::kAutoscalerRetry: return "AutoscalerRetry";
    case TimerKind::kDrainDeadline: return "DrainDeadline";
    case TimerKind::kWorkload: return "Workload";
    case TimerKind::kCount: break;
  }
  return "Unknown";
}

void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    const char c = text[i];
    if (length == 0) {
      out += "\\ufffd";
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out.append(text, i, length);
    }
    i += length;
  }
  out += '"';
}

void AppendTraceLine(std::string& out, int64_t now, uint32_t process, const TraceEvent& event) {
  const auto number = [&out](std::string_view key, auto value) {
    if (value == 0) return;
    out.append(",\"").append(key).append("\":");
    AppendNumber(out, value);
  };
  out += "{\"t\":";
  AppendNumber(out, now);
  out += ",\"e\":\"trace\"";
  number("p", uint64_t{process});
  out.append(",\"kind\":\"").append(TraceKindName(event.kind)).append("\"");
  if (event.task) {
    out += ",\"id\":\"";
    AppendNumber(out, uint64_t{event.task.owner.node().value});
    out += '.';
    AppendNumber(out, uint64_t{event.task.owner.index()});
    out += '.';
    AppendNumber(out, event.task.index);
    out += '"';
  }
  number("attempt", uint64_t{event.attempt});
  number("node", uint64_t{event.node.value});
  if (event.worker) {
    out += ",\"worker\":\"";
    AppendNumber(out, uint64_t{event.worker.node().value});
    out += '.';
    AppendNumber(out, uint64_t{event.worker.index()});
    out += '"';
  }
  number("a", event.a);
  number("b", event.b);
  number("c", event.c);
  if (!event.text.empty()) {
    out += ",\"text\":";
    AppendJsonString(out, event.text);
  }
  out += '}';
}

}  // namespace orrery
