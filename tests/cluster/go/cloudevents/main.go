// Reads CloudEvents from a Kafka topic as a service in Go does: by the official SDK and its binding to Kafka.
// Prints each event as JSON, and ends after as many as are asked for.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/IBM/sarama"
	"github.com/cloudevents/sdk-go/protocol/kafka_sarama/v2"
	cloudevents "github.com/cloudevents/sdk-go/v2"
)

func main() {
	servers := flag.String("servers", "", "Kafka's addresses, with commas between")
	authority := flag.String("ca", "", "file of the certificates to trust")
	certificate := flag.String("cert", "", "file of the client's certificate")
	key := flag.String("key", "", "file of its key")
	topic := flag.String("topic", "", "topic to read")
	group := flag.String("group", "", "consumer group to join")
	count := flag.Int("count", 1, "how many events to read")
	flag.Parse()

	config := sarama.NewConfig()
	config.Version = sarama.V3_0_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = must(tlsConfig(*authority, *certificate, *key))
	consumer := must(kafka_sarama.NewConsumer(strings.Split(*servers, ","), config, *group, *topic))
	read(must(cloudevents.NewClient(consumer)), *count)
}

func read(client cloudevents.Client, count int) {
	ctx, end := context.WithCancel(context.Background())
	defer end()
	var alone sync.Mutex // the SDK hands over several at a time
	printed := 0
	receive := func(event cloudevents.Event) {
		alone.Lock()
		defer alone.Unlock()
		if printed == count {
			return
		}
		os.Stdout.Write(append(must(json.Marshal(event)), '\n'))
		if printed++; printed == count {
			end()
		}
	}
	if err := client.StartReceiver(ctx, receive); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

func tlsConfig(authority, certificate, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots}, nil
}

func must[Value any](value Value, err error) Value {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
