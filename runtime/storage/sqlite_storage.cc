#include "runtime/storage/sqlite_storage.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/quiet_thread.h"

namespace orrery {

namespace {

struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;

Status Failed(sqlite3* database, const std::string& path) {
  const int code = sqlite3_errcode(database) & 0xff;
  const std::string text = path + ": " + sqlite3_errmsg(database);
  if (code == SQLITE_FULL) return {StatusCode::kDiskFull, text};
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) return {StatusCode::kInvalidArgument, text};
  return {StatusCode::kUnavailable, text};
}

void BindBytes(sqlite3_stmt* statement, int column, const std::string& bytes) {
  sqlite3_bind_blob64(statement, column, bytes.data(), bytes.size(), SQLITE_STATIC);
}

std::string BytesOf(sqlite3_stmt* statement, int column) {
  const void* bytes = sqlite3_column_blob(statement, column);
  return {static_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement, column))};
}

}  // namespace

class SqliteStorage::Impl {
 public:
  Impl(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}
  ~Impl() { Close(); }

  Status Prepare(bool fsync) {
    // Exclusive: two writers would each believe to be the cluster's.
    const std::string begin = std::string("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;") +
                              "PRAGMA synchronous = " + (fsync ? "FULL" : "NORMAL") +
                              "; BEGIN IMMEDIATE;"
                              "CREATE TABLE IF NOT EXISTS state (kind INTEGER, key BLOB, value BLOB,"
                              " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
                              "CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
                              "COMMIT;";
    if (Status status = Run(begin); !status.ok()) return status;
    put_ = Compile("INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3)");
    erase_ = Compile("DELETE FROM state WHERE kind = ?1 AND key = ?2");
    return put_ && erase_ ? Status::Ok() : Failed(database_, path_);
  }
  Status Run(const std::string& sql) {
    return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? Status::Ok()
                                                                                        : Failed(database_, path_);
  }
  Statement Compile(const char* sql) const {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr);
    return Statement(statement);
  }
  Status Error() const { return Failed(database_, path_); }

  void Serve(LiveEnv& env) {
    env_ = &env;
    thread_ = QuietThread([this] { Loop(); });
  }
  void Add(Message message) {
    std::lock_guard lock(mutex_);
    batches_.push_back(std::move(message));
    wakeup_.notify_one();
  }
  void Close() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wakeup_.notify_one();
    if (thread_.joinable()) thread_.join();
    put_.reset();
    erase_.reset();
    sqlite3_close(std::exchange(database_, nullptr));
  }
  const std::string& path() const { return path_; }

 private:
  void Loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      wakeup_.wait(lock, [this] { return stop_ || !batches_.empty(); });
      if (batches_.empty()) return;
      const Message message = std::move(batches_.front());
      batches_.pop_front();
      lock.unlock();
      const auto& batch = message.As<msg::StoreState>();
      const Status status = Write(batch);
      Draft<msg::StateStored> stored;
      stored->set_batch(batch.batch());
      stored->set_status(static_cast<uint32_t>(status.code()));
      stored->set_message(status.message());
      env_->Post(Address::Storage(), std::move(stored));
      lock.lock();
    }
  }
  Status Write(const msg::StoreState& batch) {
    if (Status status = Run("BEGIN IMMEDIATE"); !status.ok()) return status;
    for (const msg::StateChange& change : batch.changes()) {
      sqlite3_stmt* statement = change.erased() ? erase_.get() : put_.get();
      sqlite3_reset(statement);
      sqlite3_bind_int64(statement, 1, change.table());
      BindBytes(statement, 2, change.key());
      if (!change.erased()) BindBytes(statement, 3, change.value());
      if (sqlite3_step(statement) == SQLITE_DONE) continue;
      const Status status = Error();
      (void)Run("ROLLBACK");
      return status;
    }
    return Run("COMMIT");
  }

  sqlite3* database_;
  const std::string path_;
  Statement put_, erase_;
  LiveEnv* env_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::deque<Message> batches_;  // under mutex_
  bool stop_ = false;            // under mutex_
  std::thread thread_;
};

SqliteStorage::SqliteStorage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteStorage::~SqliteStorage() = default;

Result<std::unique_ptr<SqliteStorage>> SqliteStorage::Open(std::string path, bool fsync) {
  // SQLite would make it readable for others.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
  auto impl = std::make_unique<Impl>(database, path);
  if (code != SQLITE_OK) return impl->Error();
  if (Status status = impl->Prepare(fsync); !status.ok()) return status;
  return std::unique_ptr<SqliteStorage>(new SqliteStorage(std::move(impl)));
}

Result<std::vector<StoredRow>> SqliteStorage::Load() const {
  const Statement all = impl_->Compile("SELECT kind, key, value FROM state ORDER BY kind, key");
  std::vector<StoredRow> rows;
  int code = SQLITE_ERROR;
  while (all && (code = sqlite3_step(all.get())) == SQLITE_ROW) {
    rows.push_back(
        {static_cast<uint32_t>(sqlite3_column_int64(all.get(), 0)), BytesOf(all.get(), 1), BytesOf(all.get(), 2)});
  }
  if (code != SQLITE_DONE) return impl_->Error();
  return rows;
}

int64_t SqliteStorage::Note(const std::string& name) const {
  const Statement note = impl_->Compile("SELECT value FROM note WHERE name = ?1");
  sqlite3_bind_text(note.get(), 1, name.c_str(), -1, SQLITE_STATIC);
  return sqlite3_step(note.get()) == SQLITE_ROW ? sqlite3_column_int64(note.get(), 0) : 0;
}

Status SqliteStorage::SetNote(const std::string& name, int64_t value) {
  const Statement note = impl_->Compile("INSERT OR REPLACE INTO note VALUES (?1, ?2)");
  sqlite3_bind_text(note.get(), 1, name.c_str(), -1, SQLITE_STATIC);
  sqlite3_bind_int64(note.get(), 2, value);
  return sqlite3_step(note.get()) == SQLITE_DONE ? Status::Ok() : impl_->Error();
}

void SqliteStorage::Serve(LiveEnv& env) { impl_->Serve(env); }
void SqliteStorage::OnMessage(Message message) { impl_->Add(std::move(message)); }

void SqliteStorage::Remove() {
  impl_->Close();
  for (const char* suffix : {"", "-wal", "-shm"}) unlink((impl_->path() + suffix).c_str());
}

}  // namespace orrery
