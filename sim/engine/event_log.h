// events.jsonl: one compact line per event, and where two such files part.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/env/address.h"
#include "runtime/env/timer.h"
#include "runtime/env/trace.h"
#include "runtime/messages/kinds.h"

namespace orrery {

// Writes lines through a buffer. Every line has "t" (ns) and "e", what happened: spawn, kill, message, timer,
// peer_lost, local, call, trace. Processes are named by their number, which "spawn" introduces. Errors are kept and
// reported by Close.
class EventLog {
 public:
  // kUnavailable names the path when it cannot be created.
  static Result<EventLog> Open(const std::string& path);
  EventLog(EventLog&& other) noexcept;
  EventLog& operator=(EventLog&& other) noexcept;
  ~EventLog();

  void OnSpawn(int64_t now, uint32_t process, std::string_view name, const Address& address);
  void OnKill(int64_t now, uint32_t process);
  void OnMessage(int64_t now, uint32_t process, uint32_t sender, MessageKind kind, uint64_t size);
  void OnTimer(int64_t now, uint32_t process, TimerKind kind, uint64_t id);
  void OnPeerLost(int64_t now, uint32_t process, const Address& peer);
  void OnLocal(int64_t now, uint32_t process, uint64_t endpoint, MessageKind kind);
  void OnHandler(int64_t now, uint64_t a, uint64_t b);
  void OnTrace(int64_t now, uint32_t process, const TraceEvent& event);
  uint64_t lines() const { return lines_; }
  Status Close();

 private:
  EventLog(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  void Begin(int64_t now, std::string_view what, uint32_t process);
  void Number(std::string_view key, uint64_t value);
  void Word(std::string_view key, std::string_view value);
  void End();
  void Flush();

  std::FILE* file_ = nullptr;
  std::string path_;
  std::string buffer_;
  uint64_t lines_ = 0;
  bool failed_ = false;
};

// Where two logs part.
struct LogDifference {
  bool equal = true;
  uint64_t line = 0;                 // from 1: the first line that differs
  std::vector<std::string> context;  // up to `context` equal lines before it
  std::string a, b;                  // the lines; "" where a file has ended
  // For people: the context, then "- a" and "+ b".
  std::string ToString() const;
};

// Streams both files. kNotFound names the one that cannot be read.
Result<LogDifference> FindFirstDifference(const std::string& path_a, const std::string& path_b, size_t context = 5);

}  // namespace orrery
