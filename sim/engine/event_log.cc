#include "sim/engine/event_log.h"

#include <array>
#include <charconv>
#include <utility>

namespace orrery {

namespace {

constexpr size_t kBufferBytes = 1 << 16;

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
  }
  return "Unknown";
}

std::string_view TimerKindName(TimerKind kind) {
  switch (kind) {
    case TimerKind::kHealthCheck: return "HealthCheck";
    case TimerKind::kRegisterNode: return "RegisterNode";
    case TimerKind::kResourceReport: return "ResourceReport";
    case TimerKind::kIdleReap: return "IdleReap";
    case TimerKind::kKillGrace: return "KillGrace";
    case TimerKind::kWorkerRegister: return "WorkerRegister";
    case TimerKind::kGcsReconnect: return "GcsReconnect";
    case TimerKind::kPickRetry: return "PickRetry";
    case TimerKind::kRetryRequests: return "RetryRequests";
    case TimerKind::kLeaseExpiry: return "LeaseExpiry";
    case TimerKind::kTaskRetry: return "TaskRetry";
    case TimerKind::kGetTimeout: return "GetTimeout";
    case TimerKind::kRegister: return "Register";
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

Result<EventLog> EventLog::Open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return Status(StatusCode::kUnavailable, "cannot write " + path);
  return EventLog(file, path);
}

EventLog::EventLog(EventLog&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), path_(std::move(other.path_)), buffer_(std::move(other.buffer_)),
      lines_(other.lines_), failed_(other.failed_) {}

EventLog& EventLog::operator=(EventLog&& other) noexcept {
  std::swap(file_, other.file_);
  path_.swap(other.path_);
  buffer_.swap(other.buffer_);
  std::swap(lines_, other.lines_);
  std::swap(failed_, other.failed_);
  return *this;
}

EventLog::~EventLog() { (void)Close(); }

void EventLog::Begin(int64_t now, std::string_view what, uint32_t process) {
  buffer_ += "{\"t\":";
  AppendNumber(buffer_, now);
  buffer_.append(",\"e\":\"").append(what).append("\"");
  if (process != 0) Number("p", process);
}
void EventLog::Number(std::string_view key, uint64_t value) {
  buffer_.append(",\"").append(key).append("\":");
  AppendNumber(buffer_, value);
}
void EventLog::Word(std::string_view key, std::string_view value) {
  buffer_.append(",\"").append(key).append("\":");
  AppendJsonString(buffer_, value);
}
void EventLog::End() {
  buffer_ += "}\n";
  ++lines_;
  if (buffer_.size() >= kBufferBytes) Flush();
}
void EventLog::Flush() {
  if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) failed_ = true;
  buffer_.clear();
}

void EventLog::OnSpawn(int64_t now, uint32_t process, std::string_view name, const Address& address) {
  Begin(now, "spawn", process);
  Word("name", name);
  Number("host", address.endpoint >> 16);
  Number("slot", address.endpoint & 0xffff);
  End();
}
void EventLog::OnKill(int64_t now, uint32_t process) {
  Begin(now, "kill", process);
  End();
}
void EventLog::OnMessage(int64_t now, uint32_t process, uint32_t sender, MessageKind kind, uint64_t size) {
  Begin(now, "message", process);
  Number("from", sender);
  Word("kind", InfoOf(kind).name);
  Number("size", size);
  End();
}
void EventLog::OnTimer(int64_t now, uint32_t process, TimerKind kind, uint64_t id) {
  Begin(now, "timer", process);
  Word("kind", TimerKindName(kind));
  Number("id", id);
  End();
}
void EventLog::OnPeerLost(int64_t now, uint32_t process, const Address& peer) {
  Begin(now, "peer_lost", process);
  Number("endpoint", peer.endpoint);
  Number("incarnation", peer.incarnation);
  End();
}
void EventLog::OnLocal(int64_t now, uint32_t process, uint64_t endpoint, MessageKind kind) {
  Begin(now, "local", process);
  Number("to", endpoint);
  Word("kind", InfoOf(kind).name);
  End();
}
void EventLog::OnHandler(int64_t now, uint64_t a, uint64_t b) {
  Begin(now, "call", 0);
  Number("a", a);
  Number("b", b);
  End();
}
void EventLog::OnTrace(int64_t now, uint32_t process, const TraceEvent& event) {
  AppendTraceLine(buffer_, now, process, event);
  buffer_ += '\n';
  ++lines_;
  if (buffer_.size() >= kBufferBytes) Flush();
}

Status EventLog::Close() {
  if (file_ == nullptr) return Status::Ok();
  Flush();
  if (std::fclose(std::exchange(file_, nullptr)) != 0) failed_ = true;
  return failed_ ? Status(StatusCode::kUnavailable, "cannot write " + path_) : Status::Ok();
}

}  // namespace orrery
