// The live Address::Storage(): a SQLite file that outlives the process that writes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/transport/live_env.h"

namespace orrery {

struct StoredRow {
  uint32_t table = 0;
  std::string key;
  std::string value;
};

// Each StoreState is one transaction in a write-ahead log: after its StateStored it outlives a killed process, and with
// `fsync` the machine's power. A thread of its own writes, so that a slow disk delays only what waits for it.
class SqliteStorage final : public LocalEndpoint {
 public:
  // Opens or makes the file (mode 0600). kInvalidArgument: it is no such file; kUnavailable: it cannot be opened, or
  // another process has it open.
  static Result<std::unique_ptr<SqliteStorage>> Open(std::string path, bool fsync);
  ~SqliteStorage() override;

  // All rows, by table and key; before Serve.
  Result<std::vector<StoredRow>> Load() const;
  // A number about the writer, such as its port: 0 when it was never set.
  int64_t Note(const std::string& name) const;
  Status SetNote(const std::string& name, int64_t value);
  // From now on OnMessage answers by env.Post. `env` outlives this.
  void Serve(LiveEnv& env);
  void OnMessage(Message message) override;
  // Ends the thread after what it was given, closes, and deletes the file: nobody is to continue from it.
  void Remove();

 private:
  class Impl;
  explicit SqliteStorage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery
