// The session folder: where the daemons of one user on one machine leave their records, token, sockets and logs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/env/address.h"

namespace orrery {

// One daemon. A record is valid while a process with this pid and this start time lives.
struct DaemonRecord {
  int pid = 0;
  uint64_t start_time = 0;   // clock ticks since boot, /proc/<pid>/stat field 22
  std::string role{};          // "gcs" or "node_manager"
  std::string node_name{};     // of a node manager
  std::string address{};       // ToString(Address) with incarnation
  std::string gcs_address{};   // "ip:port" of its cluster
  bool head = false;
};

// Layout: records/<pid>.json, token (mode 0600), sockets/<port>.sock, logs/, spill/. Everything is private to the user
// (0700).
class Session {
 public:
  // $ORRERY_SESSION_DIR, else $XDG_RUNTIME_DIR/orrery, else /tmp/orrery-<uid>.
  static std::string DefaultFolder();
  // Creates the folders where missing. kPermissionDenied when the folder belongs to somebody else or others may read
  // it.
  static Result<Session> Open(std::string folder = DefaultFolder());

  const std::string& folder() const { return folder_; }
  std::string socket_dir() const { return folder_ + "/sockets"; }
  std::string log_dir() const { return folder_ + "/logs"; }
  std::string spill_dir() const { return folder_ + "/spill"; }  // there only while objects are spilled
  std::string token_file() const { return folder_ + "/token"; }
  // From which a GCS continues whose predecessor was killed; a cluster that ends in order leaves none.
  std::string gcs_state_file() const { return folder_ + "/gcs.sqlite"; }
  // One file for each instance that the local provider has ever launched for this cluster; see local_provider.h.
  std::string instance_dir() const { return folder_ + "/instances"; }
  // What the autoscaler did, and why: the rows of autoscaler.csv of result folders, with times since the Unix epoch.
  std::string autoscaler_log() const { return log_dir() + "/autoscaler.csv"; }
  // What the next cluster must not find of the one before.
  void RemoveClusterState() const;

  // The token; made from the operating system's entropy if there is none (head only).
  Result<std::string> CreateToken() const;

  // Writes the record of this process (pid and start time are filled in). Replaces an older one.
  Status WriteRecord(DaemonRecord record) const;
  void RemoveRecord(int pid) const;
  // Records of living daemons, by pid; records of dead ones are removed.
  std::vector<DaemonRecord> Records() const;
  // Removes socket files that nobody listens on, and records and spill files of dead daemons.
  void CleanStale() const;
  // Removes what is empty and made by us (sockets/, records/); keeps token and logs.
  void RemoveIfUnused() const;

 private:
  explicit Session(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

// The token in `path`, without trailing whitespace. kNotFound or kPermissionDenied (readable by others) with the path.
Result<std::string> ReadTokenFile(const std::string& path);

// Start time of a process as in DaemonRecord; 0 when there is none.
uint64_t ProcessStartTime(int pid);
// Whether the process of a record still lives (a zombie does not).
bool IsAlive(const DaemonRecord& record);
// Removes the sockets in `socket_dir` that refuse connections.
void RemoveStaleSockets(const std::string& socket_dir);

}  // namespace orrery
