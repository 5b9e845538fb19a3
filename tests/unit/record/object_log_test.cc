// Rows and figures of objects, from trace events.
#include "sim/record/object_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace orrery {
namespace {

const WorkerId kOwner = WorkerId::Of({1}, 1);
constexpr int64_t kMega = 1'000'000;

class ObjectLogTest : public testing::Test {
 protected:
  void At(int64_t seconds, TraceKind kind, uint64_t object, uint32_t node = 0, int64_t a = 0, int64_t b = 0) {
    log.OnTrace(Time{seconds * 1'000'000'000},
                {.kind = kind, .task = {kOwner, object}, .node = {node}, .a = a, .b = b, .c = 0});
  }
  template <class Write>
  std::string File(Write write) {
    const std::string path = testing::TempDir() + "/object_log_" + std::to_string(getpid()) + ".csv";
    EXPECT_TRUE(write(path).ok());
    std::ifstream in(path);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    std::remove(path.c_str());
    return text.substr(text.find('\n') + 1);  // without the header
  }
  double Figure(const char* path) {
    Summary summary;
    log.WriteSummary(summary);
    return summary.Number(path).value_or(-1);
  }
  ObjectLog log;
};

TEST_F(ObjectLogTest, AProgramWithoutObjectsHasZeros) {
  At(1, TraceKind::kLeaseGranted, 1, 2);
  At(2, TraceKind::kNodeDead, 0, 2);
  EXPECT_EQ(log.size(), 0u);
  for (const char* figure : {"objects.created", "objects.freed", "objects.lost", "transfers.count", "transfers.bytes",
                             "transfers.saved_by_locality_bytes", "spill.bytes_written", "spill.bytes_read"}) {
    EXPECT_EQ(Figure(figure), 0) << figure;
  }
}

TEST_F(ObjectLogTest, ALife) {
  At(1, TraceKind::kObjectCreated, 4, 1, 10 * kMega);
  At(2, TraceKind::kChunkFetched, 4, 2, 6 * kMega, 1);
  At(3, TraceKind::kChunkFetched, 4, 2, 4 * kMega, 1);
  At(3, TraceKind::kObjectCopied, 4, 2, 10 * kMega, 1);
  At(4, TraceKind::kArgumentsLocal, 9, 2, 10 * kMega);
  At(5, TraceKind::kObjectFreed, 4);
  EXPECT_EQ(File([&](auto path) { return log.WriteObjects(path); }), "object-1.1.4.0,worker-1.1,10000000,1,5,2\n");
  EXPECT_EQ(File([&](auto path) { return log.WriteTransfers(path); }),
            "object-1.1.4.0,node-1,node-2,10000000,2,3,Ok\n");
  EXPECT_EQ(File([&](auto path) { return log.WriteStore(path); }),
            "1,node-1,10000000,0\n3,node-2,10000000,0\n5,node-1,0,0\n5,node-2,0,0\n");
  EXPECT_EQ(Figure("objects.created"), 1);
  EXPECT_EQ(Figure("objects.freed"), 1);
  EXPECT_EQ(Figure("transfers.count"), 1);
  EXPECT_EQ(Figure("transfers.bytes"), 10 * kMega);
  EXPECT_EQ(Figure("transfers.saved_by_locality_bytes"), 10 * kMega);
}

TEST_F(ObjectLogTest, ATransferThatChangesItsSourceMakesTwoRows) {
  At(1, TraceKind::kObjectCreated, 4, 1, 10 * kMega);
  At(2, TraceKind::kChunkFetched, 4, 3, 5 * kMega, 1);
  At(4, TraceKind::kChunkFetched, 4, 3, 5 * kMega, 2);
  At(4, TraceKind::kObjectCopied, 4, 3, 10 * kMega, 2);
  EXPECT_EQ(File([&](auto path) { return log.WriteTransfers(path); }),
            "object-1.1.4.0,node-1,node-3,5000000,2,2,Unfinished\n"
            "object-1.1.4.0,node-2,node-3,5000000,4,4,Ok\n");
  EXPECT_EQ(Figure("transfers.count"), 1);
}

TEST_F(ObjectLogTest, SpillingKeepsTheDiskApart) {
  At(1, TraceKind::kObjectCreated, 4, 1, kMega);
  At(2, TraceKind::kObjectSpilled, 4, 1, kMega);
  At(2, TraceKind::kObjectEvicted, 4, 1, kMega);
  At(6, TraceKind::kObjectRestored, 4, 1, kMega);
  At(7, TraceKind::kObjectFreed, 4);
  EXPECT_EQ(File([&](auto path) { return log.WriteStore(path); }),
            "1,node-1,1000000,0\n2,node-1,0,1000000\n6,node-1,1000000,1000000\n7,node-1,0,0\n");
  EXPECT_EQ(Figure("spill.bytes_written"), kMega);
  EXPECT_EQ(Figure("spill.bytes_read"), kMega);
}

TEST_F(ObjectLogTest, WhatADeadNodeHadIsGone) {
  At(1, TraceKind::kObjectCreated, 4, 1, kMega);
  At(1, TraceKind::kObjectCreated, 5, 2, kMega);
  At(3, TraceKind::kNodeDead, 0, 2);
  At(3, TraceKind::kObjectLost, 5);
  At(4, TraceKind::kObjectCreated, 5, 1, kMega);
  At(4, TraceKind::kObjectRebuilt, 5);
  EXPECT_EQ(File([&](auto path) { return log.WriteStore(path); }),
            "1,node-1,1000000,0\n1,node-2,1000000,0\n3,node-2,0,0\n4,node-1,2000000,0\n");
  EXPECT_EQ(Figure("objects.created"), 2) << "made again, it is the same object";
  EXPECT_EQ(Figure("objects.lost"), 1);
  EXPECT_EQ(Figure("objects.rebuilt"), 1);
}

TEST_F(ObjectLogTest, AnOwnerMayLetGoBeforeTheCopyIsSealed) {
  At(1, TraceKind::kObjectFreed, 4);
  EXPECT_EQ(Figure("objects.created"), 0);
  EXPECT_EQ(Figure("objects.freed"), 0);
  At(2, TraceKind::kObjectCreated, 4, 1, kMega);
  EXPECT_EQ(Figure("objects.created"), 1);
  EXPECT_EQ(Figure("objects.freed"), 1);
  EXPECT_EQ(File([&](auto path) { return log.WriteStore(path); }), "") << "it went at once";
  EXPECT_EQ(File([&](auto path) { return log.WriteObjects(path); }), "object-1.1.4.0,worker-1.1,1000000,2,1,1\n");
}

TEST_F(ObjectLogTest, AnEvictedCopyIsOneCopyLess) {
  At(1, TraceKind::kObjectCreated, 4, 1, kMega);
  At(2, TraceKind::kObjectCopied, 4, 2, kMega, 1);
  At(3, TraceKind::kObjectEvicted, 4, 2, kMega);
  At(4, TraceKind::kObjectCopied, 4, 2, kMega, 1);
  EXPECT_EQ(File([&](auto path) { return log.WriteObjects(path); }), "object-1.1.4.0,worker-1.1,1000000,1,,2\n");
}

}  // namespace
}  // namespace orrery
