// An actor whose calls run at once: two wait for each other; a slow group of methods does not keep the others waiting;
// out of order, a call does not wait for another's argument.
#include <orrery/orrery.h>

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

class Meeting {
 public:
  // Returns when `people` are there, how many these are.
  int Join(int people) {
    std::unique_lock lock(mutex_);
    ++there_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return there_ >= people; });
    return there_;
  }
  std::string Status() const { return "open"; }
  void Leave() { orrery::exit_actor(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int there_ = 0;
};

class Log {
 public:
  void Note(int entry) { text_ += std::to_string(entry); }
  std::string Text() const { return text_; }

 private:
  std::string text_;
};

int Slow(int value) {
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  return value;
}

int main(int argc, char** argv) {
  return orrery::main(argc, argv, [](orrery::Session&) {
    const auto meeting = orrery::actor<Meeting>(
        {.max_concurrency = 2, .concurrency_groups = {{"talk", 1, {orrery::method_id<&Meeting::Status>()}}}})();
    const auto first = meeting.call<&Meeting::Join>(2), second = meeting.call<&Meeting::Join>(2);
    std::cout << first.get() << " and " << second.get() << " met\n";
    const auto third = meeting.call<&Meeting::Join>(4), fourth = meeting.in_group("talk").call<&Meeting::Join>(4);
    std::cout << third.get() << " in two groups\n";
    fourth.get();
    try {
      meeting.in_group("walk").call<&Meeting::Status>().get();
    } catch (const orrery::Error& error) {
      std::cout << error.what() << "\n";
    }
    const auto beside = meeting.call<&Meeting::Join>(9);
    meeting.call<&Meeting::Leave>();
    try {
      beside.get();
    } catch (const orrery::ActorDiedError&) {
      std::cout << "whoever waits inside ends with the actor\n";
    }
    const auto log = orrery::actor<Log>({.allow_out_of_order_execution = true})();
    const auto noted = log.call<&Log::Note>(orrery::remote<&Slow>(1));
    log.call<&Log::Note>(2).get();
    noted.get();
    std::cout << log.call<&Log::Text>().get() << "\n";
  });
}
