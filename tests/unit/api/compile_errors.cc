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
  int Add(int n) { return n; }
};
struct Other {
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
#elif defined(ORRERY_CASE_UNKNOWN_METHOD)
  orrery::spawn<Counter>().call<&Counter::Previous>();
#elif defined(ORRERY_CASE_METHOD_OF_ANOTHER_CLASS)
  orrery::spawn<Counter>().call<&Other::Next>();
#elif defined(ORRERY_CASE_WRONG_METHOD_ARGUMENT)
  orrery::spawn<Counter>().call<&Counter::Add>("one");
#elif defined(ORRERY_CASE_WRONG_CONSTRUCTOR_ARGUMENT)
  orrery::spawn<Counter>("one");
#else
#error "no case chosen"
#endif
}
