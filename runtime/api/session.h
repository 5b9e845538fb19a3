// The program's connection to a cluster, and the entry that makes one executable both driver and worker.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "runtime/api/session_options.h"
#include "runtime/common/ids.h"

namespace orrery {

// The name differs from the session folder's class of runtime/transport at link time.
inline namespace api {

// A driver's life in a cluster, one at a time per process. Every task it submitted and nobody waits for is abandoned
// with it.
class Session {
 public:
  // Connects; throws UnavailableError or Error(kPermissionDenied) with what to do about it.
  Session(int argc, char** argv, const SessionOptions& options);
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;

  JobId job() const;
  NodeId node() const;
  // "host:port" of the head, for other programs.
  const std::string& address() const;
  // The program's arguments, argv[0] included.
  const std::vector<std::string>& args() const;
  // Ends the session before the destructor does; `status` is what the cluster records (0: well).
  void Close(int status = 0);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace api

namespace internal {

// In a process that a node manager started: serves as a worker and ends the process. Else returns at once.
void ServeIfWorker();
// Runs `program`; prints an escaping exception to stderr and returns 1 then.
int RunDriver(int argc, char** argv, const SessionOptions& options, const std::function<int(api::Session&)>& program);

}  // namespace internal

// First thing in main: orrery::Session session = orrery::init(argc, argv);  In a worker process it does not return.
api::Session init(int argc, char** argv, const SessionOptions& options = {});

// The whole of main: return orrery::main(argc, argv, [](orrery::Session& session) { … });  The program returns nothing
// or an exit code.
template <class Program>
  requires std::is_invocable_v<Program&, api::Session&>
int main(int argc, char** argv, Program program, const SessionOptions& options = {}) {
  internal::ServeIfWorker();
  return internal::RunDriver(argc, argv, options, [&program](api::Session& session) {
    if constexpr (std::is_void_v<std::invoke_result_t<Program&, api::Session&>>) {
      program(session);
      return 0;
    } else {
      return static_cast<int>(program(session));
    }
  });
}

}  // namespace orrery
