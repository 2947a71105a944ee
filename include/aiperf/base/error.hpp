#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace aiperf::base {

/// Root of everything this library throws.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Bad input: names the field as a person typed it (flag, key or variable), its value, and what is allowed.
/// Programs answer it with one line on stderr and exit code 2.
class ConfigError : public Error {
public:
    /// A refusal of `value` for `field`; `allowed` is a sentence that ends in "is" or "are".
    ConfigError(std::string field, std::string value, std::string allowed)
        : Error(field + ": " + (value.empty() ? std::string{"(empty)"} : "'" + value + "'") + " is not allowed; " +
                allowed),
          field_(std::move(field)),
          value_(std::move(value)),
          allowed_(std::move(allowed)) {}

    /// For refusals that are not about one value ("--a and --b exclude each other").
    explicit ConfigError(const std::string& message)
        : Error(message) {}

    /// What was refused; empty where it is not one field.
    [[nodiscard]] const std::string& field() const noexcept { return field_; }

    /// What was given for it.
    [[nodiscard]] const std::string& value() const noexcept { return value_; }

    /// What may be given instead.
    [[nodiscard]] const std::string& allowed() const noexcept { return allowed_; }

private:
    std::string field_;
    std::string value_;
    std::string allowed_;
};

/// A run that could not be started, finished or exported (target down, disk full, damaged journal).
/// Programs answer it with exit code 1.
class RunError : public Error {
public:
    using Error::Error;
};

/// A system call that failed: what was tried, on what, and the system's words.
class SystemError : public RunError {
public:
    /// `what` was tried; `error_number` is errno.
    SystemError(const std::string& what, int error_number);

    /// Errno of the call.
    [[nodiscard]] int error_number() const noexcept { return error_number_; }

private:
    int error_number_;
};

/// A process of a run that did not start, or died before it was told to stop; what is known of it is in the message.
class ProcessError : public RunError {
public:
    using RunError::RunError;
};

}  // namespace aiperf::base
