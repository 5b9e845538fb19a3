"""What must not be called where, and what to write instead. Every entry is proved to fire by tidy_test.py."""
import re
from dataclasses import dataclass

DECIDING = ("runtime/common/", "runtime/env/", "runtime/messages/", "runtime/scheduling/", "runtime/gcs/",
            "runtime/node_manager/", "runtime/object_store/", "runtime/autoscaler/", "runtime/core_worker/")
SIMULATED = ("sim/engine/", "sim/platform/", "sim/faults/", "sim/workload/", "sim/checkers/", "sim/scenario/")
PRODUCT = ("runtime/", "sim/")
# Examples are users' programs: they may use what they like.
_EXAMPLES = ("runtime/api/examples/",)
_STATE_MACHINES = ("runtime/scheduling/", "runtime/gcs/", "runtime/node_manager/", "runtime/object_store/",
                   "runtime/autoscaler/", "runtime/core_worker/")
_CALL = r"(?<![\w.>:])(?:::)?(?:std::)?"  # a free function, not a member of the same name


@dataclass
class Ban:
    name: str
    pattern: str
    instead: str
    where: tuple        # path prefixes
    example: str        # a line that must be caught
    except_in: tuple = ()


BANS = [
    Ban("clock", r"std::chrono|<chrono>", "Env::Now() and runtime/common/time.h", DECIDING + SIMULATED,
        "auto t = std::chrono::steady_clock::now();"),
    Ban("time()", _CALL + r"(?:time\s*\(\s*(?:NULL|nullptr|0|&)|clock\s*\(\s*\)|(?:gettimeofday|clock_gettime|localtime|gmtime)"
        r"\w*\s*\()", "Env::Now()", DECIDING + SIMULATED, "long t = time(nullptr);"),
    Ban("rand()", _CALL + r"(?:s?rand|s?random|[delmn]rand48|arc4random)\s*\(", "Env::RandomFor(stream)", PRODUCT,
        "int x = rand();", _EXAMPLES),
    Ban("random_device", r"std::random_device|<random>|\bgetrandom\s*\(|\bgetentropy\s*\(", "Env::RandomFor(stream)",
        DECIDING + SIMULATED, "std::random_device seed;"),
    Ban("standard generator", r"std::(?:mt19937|minstd_rand|ranlux|knuth_b|default_random_engine|\w+_engine)\w*",
        "Random in runtime/common/random.h: the standard's sequences differ between libraries", PRODUCT,
        "std::mt19937_64 gen(1);", _EXAMPLES),
    Ban("standard distribution", r"std::\w+_distribution\b|std::generate_canonical",
        "the methods of Random in runtime/common/random.h", PRODUCT, "std::uniform_int_distribution<int> d(0, 9);", _EXAMPLES),
    Ban("shuffle", r"std::(?:random_)?shuffle\b|std::sample\b", "Random::Shuffle", PRODUCT,
        "std::shuffle(v.begin(), v.end(), g);"),
    Ban("thread", r"std::j?thread\b|std::this_thread|<(?:thread|stop_token|barrier|latch|semaphore)>|\bpthread_\w+",
        "a message: state machines run one handler at a time", DECIDING + SIMULATED, "std::thread worker(run);"),
    Ban("lock", r"std::(?:\w*mutex|lock_guard|unique_lock|shared_lock|scoped_lock|condition_variable\w*|call_once|once_flag)\b|"
        r"<(?:mutex|shared_mutex|condition_variable)>", "nothing: a state machine has one thread", DECIDING + SIMULATED,
        "std::lock_guard<std::mutex> lock(mutex_);"),
    Ban("atomic", r"std::atomic|<atomic>|\bthread_local\b", "a plain member: a state machine has one thread",
        # The pool of message bodies holds memory, not state: which body is reused can be seen by nobody.
        DECIDING + SIMULATED, "std::atomic<int> count;", ("runtime/messages/body_pool.cc",)),
    Ban("future", r"std::(?:promise|future|shared_future|async|packaged_task)\b|<future>|\bco_(?:await|yield|return)\b",
        "a request with an entry in a pending table", DECIDING, "auto f = std::async(run);"),
    Ban("socket", r"<(?:sys/socket|sys/epoll|netinet/\w+|arpa/inet|sys/un|netdb)\.h>|" + _CALL +
        r"(?:socket|socketpair|epoll_\w+|recv(?:from|msg)?|send(?:to|msg))\s*\(", "Env::Send(address, message)",
        DECIDING + SIMULATED, "int fd = ::socket(AF_INET, SOCK_STREAM, 0);"),
    Ban("getenv", _CALL + r"(?:secure_)?(?:getenv|setenv|putenv)\s*\(", "a field of Settings, given to the constructor",
        DECIDING + SIMULATED, 'const char* v = std::getenv("X");'),
    Ban("host state", r"<(?:filesystem|fstream|unistd\.h)>|std::filesystem|std::(?:i|o)?fstream\b|std::locale\b|" + _CALL +
        r"(?:gethostname|getpid|getcwd|fopen)\s*\(", "a message to Address::Host(), or an argument from the composition root",
        DECIDING, "int p = getpid();"),
    Ban("process control", _CALL + r"(?:v?fork|posix_spawnp?|exec[lv][pe]*|system|popen|kill|waitpid|_?exit)\s*\(",
        "a message to Address::Host()", DECIDING, "pid_t p = fork();"),
    Ban("sleep", _CALL + r"(?:u|nano)?sleep\s*\(|sleep_(?:for|until)\b", "Env::SetTimer", DECIDING + SIMULATED, "usleep(10);"),
    Ban("unordered container", r"std::unordered_\w+|<unordered_(?:map|set)>|__gnu_cxx::hash|boost::unordered",
        "Lookup (runtime/common/lookup.h) for look-ups, std::map or a sorted vector where an order is needed", PRODUCT,
        "std::unordered_map<int, int> m;", ("runtime/transport/", "runtime/api/", "runtime/main/", "sim/replay/")),
    Ban("robin_map", r"\btsl::\w+", "Lookup (runtime/common/lookup.h), which cannot be iterated", PRODUCT,
        "tsl::robin_map<int, int> m;", ("runtime/common/lookup.h",)),
    Ban("std::hash", r"std::hash\s*<", "IdHash or Mix64 (runtime/common/ids.h)", DECIDING + SIMULATED,
        "std::hash<Node*>()(node);"),
    Ban("pointer as key", r"\b(?:std::(?:multi)?(?:map|set)|Lookup)\s*<\s*(?:const\s+)?[\w:]+(?:<[^<>]*>)?\s*(?:const\s*)?\*|"
        r"std::(?:less|greater)\s*<\s*[^<>]*\*\s*>|reinterpret_cast<\s*(?:std::)?u?intptr_t", "an id: addresses differ from run to run",
        DECIDING + SIMULATED, "std::map<Node*, int> load;"),
    Ban("std::function", r"std::function\s*<", "a pending table with an enum and ids, a template parameter, or an interface",
        _STATE_MACHINES, "std::function<void()> done;"),
    Ban("iostream", r"<iostream>|std::(?:cout|cerr|clog|cin)\b", "Env::Trace, or Status with a message", DECIDING + SIMULATED +
        ("sim/record/", "runtime/transport/"), "std::cout << 1;"),
    Ban("throw", r"\bthrow\b", "Status or Result<T> (runtime/common/status.h)", DECIDING, "throw 1;"),
    Ban("unfinished", r"\b(?:TODO|FIXME|XXX|HACK)\b", "doing it, or an issue", ("",), "// TODO: later", ("tests/tidy/",)),
    Ban("machine path", r"(?<![\w.$}*])/(?:home|root|work|Users)/\w", "a path relative to the project, or an argument", ("",),
        "open /home/me/x", ("tests/tidy/",)),
]
# These look at comments too; the others at code alone.
_WHOLE_TEXT = {"unfinished", "machine path"}
_SIMULATION = re.compile(r"simulat|simgrid", re.I)


def check_bans(source, bans=tuple(BANS)):
    """Yields (line, rule, message)."""
    for ban in bans:
        if not source.path.startswith(ban.where) or (ban.except_in and source.path.startswith(ban.except_in)):
            continue
        whole = ban.name in _WHOLE_TEXT
        if not whole and not source.cpp:
            continue
        text = source.text if whole else source.code
        for match in re.finditer(ban.pattern, text):
            yield source.line_of(match.start()), ban.name, f"'{match.group(0).strip()}' is banned here; use {ban.instead}"




def check_words(source):
    """The product does not know that it is simulated; only the command that starts orrery-sim says the word."""
    if not source.path.startswith("runtime/") or source.path.startswith(("runtime/main/", "runtime/python/")):
        return
    text = source.code_and_strings if source.path.startswith("runtime/env/") else source.text
    for match in _SIMULATION.finditer(text):
        yield source.line_of(match.start()), "simulation", "runtime/ holds no word about simulation (comments of runtime/env " \
                                                          "may, as they describe both worlds)"
