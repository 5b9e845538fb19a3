#include "runtime/python/native.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <pybind11/stl.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <typeinfo>
#include <vector>

#include "runtime/api/expose.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

using exposed::Library;

constexpr int kDeepest = 200;

// What this session's libraries expose; a name that an earlier one has is an error when a later one is loaded.
exposed::Table& Loaded() {
  static auto* table = new exposed::Table;
  return *table;
}

Value FromPython(const py::handle& object, int depth) {
  if (depth > kDeepest) throw py::value_error("a value for a C++ function is nested too deeply");
  if (object.is_none()) return {};
  if (PyBool_Check(object.ptr())) return {object.ptr() == Py_True};
  if (PyLong_Check(object.ptr())) {
    int overflow = 0;
    const int64_t number = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
    if (overflow != 0) throw py::value_error("an int for a C++ function is beyond 64 bits");
    return {number};
  }
  if (PyFloat_Check(object.ptr())) return {PyFloat_AS_DOUBLE(object.ptr())};
  if (PyUnicode_Check(object.ptr())) return {object.cast<std::string>()};
  if (PyBytes_Check(object.ptr())) {
    Value::Bytes bytes(static_cast<size_t>(PyBytes_GET_SIZE(object.ptr())));
    if (!bytes.empty()) std::memcpy(bytes.data(), PyBytes_AS_STRING(object.ptr()), bytes.size());
    return {std::move(bytes)};
  }
  if (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr())) {
    Value::List list;
    for (const py::handle& element : object) list.push_back(FromPython(element, depth + 1));
    return {std::move(list)};
  }
  if (PyDict_Check(object.ptr())) {
    Value::Dict dict;
    for (const auto& [key, element] : py::reinterpret_borrow<py::dict>(object)) {
      if (!PyUnicode_Check(key.ptr())) throw py::type_error("keys of a dict for a C++ function are str");
      dict.emplace(key.cast<std::string>(), FromPython(element, depth + 1));
    }
    return {std::move(dict)};
  }
  const auto type = py::type::handle_of(object).attr("__qualname__").cast<std::string>();
  throw py::type_error("a C++ function takes None, bool, int, float, str, bytes, list, tuple and dict, not " + type);
}

py::object ToPython(const Value& value) {
  struct Make {
    py::object operator()(std::monostate) const { return py::none(); }
    py::object operator()(bool truth) const { return py::bool_(truth); }
    py::object operator()(int64_t number) const { return py::int_(number); }
    py::object operator()(double number) const { return py::float_(number); }
    py::object operator()(const std::string& text) const { return py::str(text); }
    py::object operator()(const Value::Bytes& bytes) const {
      return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    py::object operator()(const Value::List& list) const {
      py::list made;
      for (const Value& element : list) made.append(ToPython(element));
      return made;
    }
    py::object operator()(const Value::Dict& dict) const {
      py::dict made;
      for (const auto& [key, element] : dict) made[py::str(key)] = ToPython(element);
      return made;
    }
  };
  return std::visit(Make{}, value.data);
}

// Names of a library's functions. Raises OSError when it cannot be loaded, ValueError when it is none of ours.
std::vector<std::string> LoadLibrary(const std::string& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    PyErr_SetString(PyExc_OSError, dlerror());
    throw py::error_already_set();
  }
  const auto entry = reinterpret_cast<Library (*)()>(dlsym(library, exposed::kEntry));
  if (entry == nullptr) throw py::value_error(path + " exposes no functions: it does not include <orrery/expose.h>");
  const Library found = entry();
  if (found.abi != exposed::kAbi)
    throw py::value_error(path + " was built with another version of orrery/expose.h, or of the standard library");
  std::vector<std::string> names;
  for (const auto& [name, function] : *found.functions) {
    const auto [known, inserted] = Loaded().emplace(name, function);
    if (!inserted && known->second != function)
      throw py::value_error(path + " exposes '" + name + "', which a library loaded before does, too");
    names.push_back(name);
  }
  return names;
}

std::vector<std::string> NativeNames() {
  std::vector<std::string> names;
  for (const auto& [name, function] : Loaded()) names.push_back(name);
  return names;
}

std::string TypeOf(const std::exception& error) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : typeid(error).name();
}

// KeyError for a name that no library has; ValueError for arguments that do not fit; RuntimeError for what it throws.
py::object CallNative(const std::string& name, const py::args& given) {
  const auto function = Loaded().find(name);
  if (function == Loaded().end()) throw py::key_error(name);
  std::vector<Value> args;
  for (const py::handle& arg : given) args.push_back(FromPython(arg, 0));
  Value result;
  try {
    const py::gil_scoped_release unlocked;
    result = function->second(name, args);
  } catch (const ArgumentError& error) {
    throw py::value_error(error.what());
  } catch (const std::exception& error) {
    throw std::runtime_error(TypeOf(error) + ": " + error.what());
  } catch (...) {
    throw std::runtime_error(name + " threw something that is no std::exception");
  }
  return ToPython(result);
}

}  // namespace

void BindNative(py::module_& module) {
  module.def("load_library", LoadLibrary);
  module.def("forget_libraries", [] { Loaded().clear(); });
  module.def("native_names", NativeNames);
  module.def("call_native", CallNative);
}

}  // namespace orrery::python
