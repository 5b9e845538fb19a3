// A driver that joins the test's cluster, for as long as it is there.
#pragma once

#include "runtime/api/orrery.h"

namespace orrery::test {

class Program {
 public:
  Program() : session_(1, argv_, SessionOptions()) {}

 private:
  char name_[16] = "actors_test";
  char* argv_[2] = {name_, nullptr};
  Session session_;
};

}  // namespace orrery::test
