//! Parses the arguments, calls the command, gives its exit code.

fn main() -> std::process::ExitCode {
    bellwether::cli::main()
}
