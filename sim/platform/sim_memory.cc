#include "sim/platform/sim_memory.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

constexpr uint32_t kStreams = 2;  // of the live bulk connections to one peer

}  // namespace

SimMemory::SimMemory(SimEngine& engine) : engine_(engine), random_(engine.NamedRandom("memory", "disk errors")) {}

void SimMemory::SetDisk(HostId host, const DiskSpec& disk) { disks_[host].spec = disk; }
void SimMemory::SetDiskFull(HostId host, bool full) { disks_[host].full = full; }
void SimMemory::SetDiskSpeed(HostId host, double factor) { disks_[host].factor = factor; }
void SimMemory::SetDiskErrors(HostId host, double probability) { disks_[host].errors = probability; }

int64_t SimMemory::bytes_on_disk() const {
  int64_t bytes = 0;
  for (const auto& [key, size] : files_) bytes += size;
  return bytes;
}

void SimMemory::OnMessage(ProcessHandle process, Message message) {
  switch (message.kind()) {
    case MessageKind::kFetchChunk: return OnFetch(process, message);
    case MessageKind::kWriteSpill: return OnWrite(process, message);
    case MessageKind::kReadSpill: return OnRead(process, message);
    case MessageKind::kDeleteSpill: return OnDelete(process, message.As<msg::DeleteSpill>().file());
    default: ORRERY_ASSERT_MSG(false, "not a message for the object memory");
  }
}

void SimMemory::OnEvent(uint64_t a, uint64_t b) {
  const uint64_t id = b & ~SimEngine::kFlowFailed;
  switch (a) {
    case kAsk: return Ask(id);
    case kDisk: return EndOperation(id);
    default: break;
  }
  const Fetch& fetch = fetches_.at(id);
  const LineKey key{fetch.from, fetch.to};
  --lines_.at(key).flowing;
  EndFetch(id, b == id ? nullptr : "the machine at the other end is gone");
  fetches_.erase(id);
  StartNext(key);
}

// ---- chunks ----

void SimMemory::OnFetch(ProcessHandle process, const Message& message) {
  const auto& fetch = message.As<msg::FetchChunk>();
  ORRERY_ASSERT(fetch.size() > 0);
  const uint64_t id = next_++;
  const Address source = FromProto(fetch.memory());
  const ProcessHandle from = engine_.ProcessAt(source);
  fetches_.emplace(id, Fetch{process, from, fetch.request(), fetch.size(), Fetch::State::kAsking, false});
  const HostId host{static_cast<uint32_t>(source.endpoint >> 16)};
  engine_.At(engine_.Now() + engine_.LatencyBetween(engine_.HostOf(process), host), this, kAsk, id);
}

// The request has reached the other node.
void SimMemory::Ask(uint64_t id) {
  Fetch& fetch = fetches_.at(id);
  const bool there = fetch.from && engine_.Alive(fetch.from);
  if (fetch.over || !there) {
    EndFetch(id, "nothing answers at the bulk endpoint");
    fetches_.erase(id);
    return;
  }
  ORRERY_ASSERT_MSG(engine_.HostOf(fetch.from) != engine_.HostOf(fetch.to), "a node fetches from itself");
  fetch.state = Fetch::State::kQueued;
  const LineKey key{fetch.from, fetch.to};
  lines_[key].queued.push_back(id);
  StartNext(key);
}

void SimMemory::StartNext(const LineKey& key) {
  const auto it = lines_.find(key);
  if (it == lines_.end()) return;
  Line& line = it->second;
  while (line.flowing < kStreams && !line.queued.empty()) {
    const uint64_t id = line.queued.front();
    line.queued.pop_front();
    Fetch& fetch = fetches_.at(id);
    fetch.state = Fetch::State::kFlowing;
    ++line.flowing;
    engine_.StartFlow(engine_.HostOf(key.first), engine_.HostOf(key.second), fetch.bytes, this, kArrived, id);
  }
  if (line.flowing == 0) lines_.erase(it);
}

void SimMemory::EndFetch(uint64_t id, const char* error) {
  Fetch& fetch = fetches_.at(id);
  if (std::exchange(fetch.over, true)) return;
  Draft<msg::ChunkFetched> answer;
  answer->set_request(fetch.request);
  if (error != nullptr) {
    answer->set_status(static_cast<uint32_t>(StatusCode::kUnavailable));
    answer->set_message(error);
  } else {
    totals_.fetched += fetch.bytes;
  }
  engine_.Deliver(fetch.to, Address::Memory(), std::move(answer));
}

// What is on the wire goes on to use the network, but both connections are closed.
void SimMemory::OnProcessGone(ProcessHandle process) {
  for (auto it = fetches_.begin(); it != fetches_.end();) {
    Fetch& fetch = it->second;
    const bool mine = fetch.to == process, theirs = fetch.from == process;
    if (mine) fetch.over = true;
    if (theirs && fetch.state != Fetch::State::kAsking)
      EndFetch(it->first, "the node manager at the other end is gone");
    const bool gone = (mine || theirs) && fetch.state == Fetch::State::kQueued;
    it = gone ? fetches_.erase(it) : std::next(it);
  }
  for (auto& [key, line] : lines_) {
    if (key.first == process || key.second == process) line.queued.clear();
  }
  while (true) {
    const auto file = files_.lower_bound({process, 0});
    if (file == files_.end() || file->first.first != process) break;
    OnDelete(process, file->first.second);
  }
}

// ---- spill files ----

void SimMemory::OnWrite(ProcessHandle process, const Message& message) {
  const auto& order = message.As<msg::WriteSpill>();
  int64_t bytes = 0;
  for (const msg::SpillPart& part : order.parts()) bytes += part.size();
  Disk& disk = DiskOf(process);
  if (disk.full || bytes > disk.spec.capacity - disk.used) {
    Draft<msg::SpillWritten> answer;
    answer->set_file(order.file());
    answer->set_status(static_cast<uint32_t>(StatusCode::kDiskFull));
    answer->set_message("the disk has no room for " + std::to_string(bytes) + " bytes");
    return engine_.Deliver(process, Address::Memory(), std::move(answer));
  }
  const bool is_new = files_.emplace(FileKey{process, order.file()}, bytes).second;
  ORRERY_ASSERT_MSG(is_new, "a spill file is written once");
  disk.used += bytes;
  Queue({process, true, order.file(), 0, bytes}, disk.spec.write_bandwidth);
}

void SimMemory::OnRead(ProcessHandle process, const Message& message) {
  const auto& order = message.As<msg::ReadSpill>();
  Queue({process, false, order.file(), order.request(), order.part().size()}, DiskOf(process).spec.read_bandwidth);
}

void SimMemory::OnDelete(ProcessHandle process, uint64_t file) {
  const auto it = files_.find({process, file});
  if (it == files_.end()) return;
  DiskOf(process).used -= it->second;
  files_.erase(it);
}

void SimMemory::Queue(Operation operation, double bandwidth) {
  Disk& disk = DiskOf(operation.process);
  const Duration takes = Duration::FromSeconds(static_cast<double>(operation.bytes) / (bandwidth * disk.factor));
  disk.free_at = std::max(engine_.Now(), disk.free_at) + takes;
  const uint64_t id = next_++;
  operations_.emplace(id, operation);
  engine_.At(disk.free_at, this, kDisk, id);
}

void SimMemory::EndOperation(uint64_t id) {
  const Operation operation = operations_.at(id);
  operations_.erase(id);
  if (!engine_.Alive(operation.process)) return;
  if (operation.write) {
    totals_.written += operation.bytes;
    Draft<msg::SpillWritten> answer;
    answer->set_file(operation.file);
    return engine_.Deliver(operation.process, Address::Memory(), std::move(answer));
  }
  const double errors = DiskOf(operation.process).errors;
  Draft<msg::SpillRead> answer;
  answer->set_request(operation.request);
  if (!files_.contains({operation.process, operation.file}) || (errors > 0 && random_.Uniform() < errors)) {
    answer->set_status(static_cast<uint32_t>(StatusCode::kInvalidArgument));
    answer->set_message("the spill file is not what was written");
  } else {
    totals_.read += operation.bytes;
  }
  engine_.Deliver(operation.process, Address::Memory(), std::move(answer));
}

}  // namespace orrery
