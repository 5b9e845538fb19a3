// One wrong program per macro; the tests expect the compiler's complaint.
#include "runtime/api/orrery.h"

struct Unsendable {
  int* pointer;
  int size;
};
int Takes(int* pointer) { return *pointer; }
int TakesUnsendable(Unsendable value) { return value.size; }
int Changes(int& x) { return ++x; }
int Add(int a, int b) { return a + b; }
struct Counter {
  int Next() { return 1; }
};

void Wrong() {
#if defined(ORRERY_CASE_POINTER_PARAMETER)
  int x = 0;
  orrery::remote<&Takes>(&x);
#elif defined(ORRERY_CASE_NAMES_THE_TYPE)
  orrery::remote<&TakesUnsendable>(Unsendable{});
#elif defined(ORRERY_CASE_MUTABLE_REFERENCE)
  orrery::remote<&Changes>(1);
#elif defined(ORRERY_CASE_WRONG_ARGUMENT)
  orrery::remote<&Add>(1, "two");
#elif defined(ORRERY_CASE_MEMBER_FUNCTION)
  orrery::task<&Counter::Next>({});
#else
#error "no case chosen"
#endif
}
