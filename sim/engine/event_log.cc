#include "sim/engine/event_log.h"

#include <charconv>
#include <utility>

#include "runtime/messages/trace_text.h"

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

}  // namespace

Result<EventLog> EventLog::Open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return Status(StatusCode::kUnavailable, "cannot write " + path);
  return EventLog(file, path);
}

EventLog::EventLog(EventLog&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      path_(std::move(other.path_)),
      buffer_(std::move(other.buffer_)),
      lines_(other.lines_),
      failed_(other.failed_) {}

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
