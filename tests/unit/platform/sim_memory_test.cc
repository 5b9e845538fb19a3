// The simulated object memory alone: chunks over the network, spill files on disks, and everything that can fail.
#include "sim/platform/sim_memory.h"

#include <gtest/gtest.h>

#include "runtime/messages/convert.h"
#include "tests/unit/engine/child.h"
#include "tests/unit/engine/probe.h"

namespace orrery {
namespace {

constexpr int64_t kMega = 1'000'000;

struct Answer {
  int64_t time;
  uint64_t number;  // request, or file
  StatusCode status;
  bool operator==(const Answer&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Answer& a) {
    return out << a.time << " #" << a.number << " " << StatusCodeName(a.status);
  }
};

// Three machines with a node manager's place each. Network: 1 GB/s, 10 µs one way. Disks: 1 GB/s out, 500 MB/s in, 2
// GB.
struct World {
  World() {
    for (uint32_t host = 0; host < 3; ++host) {
      HostSpec spec = PlainHost("h");
      spec.bandwidth_out = spec.bandwidth_in = 1e9;
      engine.AddHost(spec);
      memory.SetDisk({host}, {1e9, 5e8, 2'000 * kMega});
      process[host] = Spawn(host);
    }
  }
  ProcessHandle Spawn(uint32_t host) {
    script[host].on_message = [this, host](Env& env, const Address&, const Message& message) {
      Note(answers[host], env.Now().ns, message);
    };
    const ProcessHandle handle = engine.Spawn({host}, ProbeFactory(script[host]), {"p", nullptr, 0});
    engine.SetLocalEndpoint(handle, Address::Memory(), &memory);
    return handle;
  }
  static void Note(std::vector<Answer>& answers, int64_t now, const Message& message) {
    const auto add = [&](uint64_t number, uint32_t status) {
      answers.push_back({now, number, static_cast<StatusCode>(status)});
    };
    if (message.kind() == MessageKind::kChunkFetched)
      add(message.As<msg::ChunkFetched>().request(), message.As<msg::ChunkFetched>().status());
    if (message.kind() == MessageKind::kSpillWritten)
      add(message.As<msg::SpillWritten>().file(), message.As<msg::SpillWritten>().status());
    if (message.kind() == MessageKind::kSpillRead)
      add(message.As<msg::SpillRead>().request(), message.As<msg::SpillRead>().status());
  }
  void Fetch(uint32_t to, const Address& from, uint64_t request, int64_t bytes) {
    Draft<msg::FetchChunk> fetch;
    fetch->set_request(request);
    ToProto(from, fetch->mutable_memory());
    fetch->set_size(bytes);
    script[to].env->Send(Address::Memory(), std::move(fetch));
  }
  void Fetch(uint32_t to, uint32_t from, uint64_t request, int64_t bytes) {
    Fetch(to, engine.AddressOf(process[from]), request, bytes);
  }
  void Write(uint64_t file, std::vector<int64_t> parts) {
    Draft<msg::WriteSpill> write;
    write->set_file(file);
    for (const int64_t bytes : parts) write->add_parts()->set_size(bytes);
    script[0].env->Send(Address::Memory(), std::move(write));
  }
  void Read(uint64_t request, uint64_t file, int64_t bytes) {
    Draft<msg::ReadSpill> read;
    read->set_request(request);
    read->set_file(file);
    read->mutable_part()->set_size(bytes);
    script[0].env->Send(Address::Memory(), std::move(read));
  }
  void Delete(uint64_t file) {
    Draft<msg::DeleteSpill> order;
    order->set_file(file);
    script[0].env->Send(Address::Memory(), std::move(order));
  }
  void RunTo(Duration when) { engine.RunUntil(Time{when.ns}); }

  SimEngine engine;
  SimMemory memory{engine};
  Probe::Script script[3];
  ProcessHandle process[3];
  std::vector<Answer> answers[3];
};

constexpr StatusCode kOk = StatusCode::kOk, kGone = StatusCode::kUnavailable, kFull = StatusCode::kDiskFull,
                     kBad = StatusCode::kInvalidArgument;

TEST(SimMemory, AChunkTakesTheRequestsWayAndItsBytes) {
  InChild([] {
    World w;
    w.Fetch(0, 1, 7, kMega);
    w.engine.RunToIdle();
    EXPECT_EQ(w.answers[0].size(), 1u);
    EXPECT_EQ(w.answers[0][0].status, kOk);
    EXPECT_NEAR(static_cast<double>(w.answers[0][0].time), 10'000 + 10'000 + 1e6, 5);
    EXPECT_EQ(w.memory.totals().fetched, kMega);
    EXPECT_EQ(w.memory.fetching(), 0u);
    return 1;
  });
}

TEST(SimMemory, TwoChunksAtATimeFromOneNode) {
  InChild([] {
    World w;
    for (uint64_t i = 0; i < 6; ++i) w.Fetch(0, 1, i, kMega);
    w.engine.RunToIdle();
    EXPECT_EQ(w.answers[0].size(), 6u);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(w.answers[0][i].number, i);
      EXPECT_NEAR(static_cast<double>(w.answers[0][i].time), static_cast<double>(i / 2 + 1) * 2e6, 1e5);
    }
    return 1;
  });
}

TEST(SimMemory, TwoNodesShareTheCardOfOne) {
  InChild([] {
    World w;
    w.Fetch(0, 2, 1, 10 * kMega);
    w.Fetch(1, 2, 1, 10 * kMega);
    w.engine.RunToIdle();
    EXPECT_NEAR(static_cast<double>(w.answers[0][0].time), 20e6, 1e5);
    EXPECT_NEAR(static_cast<double>(w.answers[1][0].time), 20e6, 1e5);
    return 1;
  });
}

TEST(SimMemory, NobodyAnswersForADeadNode) {
  World w;
  const Address before = w.engine.AddressOf(w.process[1]);
  w.engine.Kill(w.process[1]);
  w.process[1] = w.Spawn(1);
  w.Fetch(0, before, 1, kMega);  // another process lives there now
  w.engine.RunToIdle();
  ASSERT_EQ(w.answers[0].size(), 1u);
  EXPECT_EQ(w.answers[0][0].status, kGone);
  EXPECT_EQ(w.memory.fetching(), 0u);
}

TEST(SimMemory, TheSourceDiesBeforeTheLastByte) {
  for (const bool whole_host : {false, true}) {
    InChild([whole_host] {
      World w;
      for (uint64_t i = 0; i < 4; ++i) w.Fetch(0, 1, i, 100 * kMega);
      w.RunTo(Duration::Millis(50));
      if (whole_host)
        w.engine.KillHost({1});
      else
        w.engine.Kill(w.process[1]);
      w.engine.RunToIdle();
      EXPECT_EQ(w.answers[0].size(), 4u) << "those under way and those that waited";
      for (const Answer& answer : w.answers[0]) {
        EXPECT_EQ(answer.status, kGone);
        EXPECT_EQ(answer.time, Duration::Millis(50).ns)
            << "when the connection closes, not when the bytes would be over";
      }
      EXPECT_EQ(w.memory.fetching(), 0u);
      EXPECT_EQ(w.memory.totals().fetched, 0);
      return 1;
    });
  }
}

TEST(SimMemory, TheAskerDies) {
  InChild([] {
    World w;
    for (uint64_t i = 0; i < 4; ++i) w.Fetch(0, 1, i, 100 * kMega);
    w.RunTo(Duration::Millis(50));
    w.engine.Kill(w.process[0]);
    w.process[0] = w.Spawn(0);
    w.engine.RunToIdle();
    EXPECT_TRUE(w.answers[0].empty()) << "its successor asked for nothing";
    EXPECT_EQ(w.memory.fetching(), 0u);
    return 1;
  });
}

TEST(SimMemory, ADiskServesOneAfterTheOther) {
  World w;
  w.Write(1, {200 * kMega, 300 * kMega});
  w.Write(2, {500 * kMega});
  w.Read(9, 1, 300 * kMega);
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0],
            (std::vector<Answer>{{1'000'000'000, 1, kOk}, {2'000'000'000, 2, kOk}, {2'300'000'000, 9, kOk}}));
  EXPECT_EQ(w.memory.totals().written, 1'000 * kMega);
  EXPECT_EQ(w.memory.totals().read, 300 * kMega);
  EXPECT_EQ(w.memory.files(), 2);
}

TEST(SimMemory, AFullDiskSaysSoAtOnceAndHasRoomAfterADelete) {
  World w;
  w.Write(1, {1'500 * kMega});
  w.Write(2, {501 * kMega});
  w.Write(3, {500 * kMega});
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0], (std::vector<Answer>{{0, 2, kFull}, {3'000'000'000, 1, kOk}, {4'000'000'000, 3, kOk}}));
  w.Delete(1);
  w.Write(4, {1'500 * kMega});
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0].back(), (Answer{7'000'000'000, 4, kOk}));
  EXPECT_EQ(w.memory.bytes_on_disk(), 2'000 * kMega);
}

TEST(SimMemory, FaultsOfDisks) {
  World w;
  w.memory.SetDiskFull({0}, true);
  w.Write(1, {1});
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0].back().status, kFull);
  w.memory.SetDiskFull({0}, false);
  w.memory.SetDiskSpeed({0}, 0.5);
  w.Write(2, {500 * kMega});
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0].back(), (Answer{2'000'000'000, 2, kOk}));
  w.memory.SetDiskSpeed({0}, 1);
  w.memory.SetDiskErrors({0}, 1);
  w.Read(1, 2, 500 * kMega);
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0].back(), (Answer{2'500'000'000, 1, kBad}));
  w.memory.SetDiskErrors({0}, 0);
  w.Read(2, 2, 500 * kMega);
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0].back(), (Answer{3'000'000'000, 2, kOk}));
}

TEST(SimMemory, AFileThatIsNotThereCannotBeRead) {
  World w;
  w.Write(1, {kMega});
  w.Read(5, 1, kMega);
  w.Read(6, 77, kMega);
  w.Delete(1);
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0][0].status, kOk) << "written, then deleted";
  EXPECT_EQ(w.answers[0][1].status, kBad);
  EXPECT_EQ(w.answers[0][2].status, kBad);
}

TEST(SimMemory, FilesGoWithTheirProcess) {
  World w;
  w.Write(1, {1'000 * kMega});
  w.Write(2, {1'000 * kMega});
  w.RunTo(Duration::Seconds(3));
  w.engine.Kill(w.process[0]);
  EXPECT_EQ(w.memory.files(), 0);
  w.process[0] = w.Spawn(0);
  w.RunTo(Duration::Seconds(5));
  ASSERT_EQ(w.answers[0].size(), 1u) << "the second file's write was not over";
  w.Write(1, {2'000 * kMega});
  w.engine.RunToIdle();
  EXPECT_EQ(w.answers[0].back(), (Answer{8'000'000'000, 1, kOk})) << "the whole disk is free";
}

}  // namespace
}  // namespace orrery
