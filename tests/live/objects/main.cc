#include <gtest/gtest.h>

#include "runtime/api/orrery.h"

int main(int argc, char** argv) {
  orrery::internal::ServeIfWorker();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
