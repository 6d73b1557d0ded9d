# Builds and tests the project without touching the host:
#   docker build --tag socketserver .
#   docker run --rm socketserver                                     # script/test
#   docker run --rm --publish 21567:21567 socketserver script/server --host ""
#   docker run --rm --volume "$PWD:/work" --user "$(id -u)" socketserver script/test
# The last one takes the sources from here, and leaves the build here, too.
FROM debian:12

WORKDIR /work
COPY script/bootstrap script/bootstrap
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && script/bootstrap --test \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN script/build user time_server
CMD ["script/test"]
