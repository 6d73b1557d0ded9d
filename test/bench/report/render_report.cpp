// render_report < results.json > report.html

#include "report.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>

int main() {
    try {
        const std::string results{std::istreambuf_iterator<char>(std::cin), {}};
        std::cout << socketserver::bench::render_report(results) << std::flush;
        return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << "render_report: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
