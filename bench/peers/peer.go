// Go's net package, for socketserver-bench: lines come back, a goroutine for each connection.
//
//	go build -o build/peer bench/peers/peer.go
//	socketserver-bench --against 'go=env GOMAXPROCS=1 build/peer PORT'
//
// GOMAXPROCS as many as --server-processors names: Go starts as many threads as the machine has processors.
package main

import (
	"bufio"
	"log"
	"net"
	"os"
)

func serve(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	writer := bufio.NewWriter(connection)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		if _, err := writer.Write(line); err != nil {
			return
		}
		// Pipelined requests are answered together.
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return
			}
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(connection)
	}
}
