#include "runtime/common/fifo.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

#include "runtime/common/random.h"

namespace orrery {
namespace {

TEST(FifoTest, BehavesAsADequeUnderRandomUse) {
  Random random(1);
  Fifo<int> fifo;
  std::deque<int> model;
  for (int step = 0; step < 100'000; ++step) {
    // Phases that grow and phases that shrink, so that it becomes long and empty several times.
    const bool grow = random.Below(100) < ((step / 5000) % 2 == 0 ? 70u : 30u);
    if (grow) {
      fifo.push_back(step);
      model.push_back(step);
    } else if (!model.empty()) {
      ASSERT_EQ(fifo.front(), model.front());
      fifo.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(fifo.size(), model.size());
    ASSERT_EQ(fifo.empty(), model.empty());
    if (step % 997 == 0) {
      ASSERT_TRUE(std::equal(fifo.begin(), fifo.end(), model.begin(), model.end()));
    }
  }
}

TEST(FifoTest, WhatIsPoppedIsDestroyedAtOnce) {
  Fifo<std::shared_ptr<std::string>> fifo;
  const auto item = std::make_shared<std::string>("held");
  fifo.push_back(item);
  fifo.push_back(std::make_shared<std::string>("next"));
  fifo.pop_front();
  EXPECT_EQ(item.use_count(), 1);
  EXPECT_EQ(*fifo.front(), "next");
}

}  // namespace
}  // namespace orrery
