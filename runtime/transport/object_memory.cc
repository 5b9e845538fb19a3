#include "runtime/transport/object_memory.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/transport/bulk_loop_internal.h"
#include "runtime/transport/quiet_thread.h"
#include "runtime/transport/spill_files.h"

namespace orrery {

namespace {

SpillEntry EntryOf(const msg::SpillPart& part) {
  return {FromProto(part.object()), part.offset(), part.size(), part.file_offset()};
}

template <class Answer>
void SetStatus(Draft<Answer>& answer, const Status& status) {
  if (status.ok()) return;
  answer->set_status(static_cast<uint32_t>(status.code()));
  answer->set_message(status.message());
}

// One thread that does what it is given, in order.
class DiskThread {
 public:
  DiskThread(LiveEnv& env, std::shared_ptr<ArenaMap> arena, std::vector<std::string> folders)
      : env_(env), arena_(std::move(arena)), files_(std::move(folders)) {}
  ~DiskThread() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wakeup_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  void Add(Message message) {
    std::lock_guard lock(mutex_);
    if (!thread_.joinable()) thread_ = QuietThread([this] { Run(); });  // many a node never spills
    jobs_.push_back(std::move(message));
    wakeup_.notify_one();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wakeup_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      const Message job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      Do(job);
      lock.lock();
    }
  }
  void Do(const Message& job) {
    switch (job.kind()) {
      case MessageKind::kWriteSpill: return Write(job.As<msg::WriteSpill>());
      case MessageKind::kReadSpill: return Read(job.As<msg::ReadSpill>());
      default: files_.Delete(job.As<msg::DeleteSpill>().file());
    }
  }
  void Write(const msg::WriteSpill& request) {
    std::vector<SpillEntry> entries;
    for (const msg::SpillPart& part : request.parts()) entries.push_back(EntryOf(part));
    Draft<msg::SpillWritten> written;
    written->set_file(request.file());
    SetStatus(written, files_.Write(request.file(), entries, *arena_));
    env_.Post(Address::Memory(), std::move(written));
  }
  void Read(const msg::ReadSpill& request) {
    Draft<msg::SpillRead> read;
    read->set_request(request.request());
    SetStatus(read, files_.Read(request.file(), EntryOf(request.part()), *arena_));
    env_.Post(Address::Memory(), std::move(read));
  }

  LiveEnv& env_;
  const std::shared_ptr<ArenaMap> arena_;
  SpillFiles files_;  // of the thread, while it runs
  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::deque<Message> jobs_;  // under mutex_
  bool stop_ = false;         // under mutex_
  std::thread thread_;
};

BulkOptions BulkOptionsOf(const LiveEnv& env, const ObjectMemoryOptions& options) {
  const LiveOptions& live = env.options();
  return {.node_manager = env.address(),
          .socket_dir = live.socket_dir,
          .token = live.token,
          .handshake_timeout = live.handshake_timeout,
          .stall_timeout = options.stall_timeout,
          .idle_timeout = options.idle_timeout,
          .tcp_user_timeout = live.tcp_user_timeout,
          .max_unauthenticated = live.max_unauthenticated};
}

}  // namespace

class ObjectMemory::Impl {
 public:
  Impl(LiveEnv& env, std::shared_ptr<ArenaMap> map, const ObjectMemoryOptions& options)
      : arena(std::move(map)), disk(env, arena, SpillFolders(options.spill_parents)) {}
  std::shared_ptr<ArenaMap> arena;
  DiskThread disk;
  std::unique_ptr<BulkLoop> bulk;
};

ObjectMemory::ObjectMemory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ObjectMemory::~ObjectMemory() = default;

Result<std::unique_ptr<ObjectMemory>> ObjectMemory::Create(LiveEnv& env, ObjectMemoryOptions options) {
  Result<std::shared_ptr<ArenaMap>> arena = ArenaMap::Create(options.capacity);
  if (!arena.ok()) return arena.status();
  auto impl = std::make_unique<Impl>(env, *arena, options);
  Result<std::unique_ptr<BulkLoop>> bulk =
      BulkLoop::Start(BulkOptionsOf(env, options), *arena, [&env](uint64_t request, const Status& status) {
        Draft<msg::ChunkFetched> fetched;
        fetched->set_request(request);
        SetStatus(fetched, status);
        env.Post(Address::Memory(), std::move(fetched));
      });
  if (!bulk.ok()) return bulk.status();
  impl->bulk = std::move(*bulk);
  return std::unique_ptr<ObjectMemory>(new ObjectMemory(std::move(impl)));
}

void ObjectMemory::OnMessage(Message message) {
  if (message.kind() != MessageKind::kFetchChunk) return impl_->disk.Add(std::move(message));
  const auto& fetch = message.As<msg::FetchChunk>();
  impl_->bulk->Fetch({.request = fetch.request(),
                      .memory = FromProto(fetch.memory()),
                      .remote_offset = fetch.remote_offset(),
                      .offset = fetch.offset(),
                      .size = fetch.size()});
}

Address ObjectMemory::address() const { return impl_->bulk->memory(); }
const std::shared_ptr<ArenaMap>& ObjectMemory::arena() const { return impl_->arena; }

}  // namespace orrery
