// The one program in the image that real nodes need of their own. Without arguments it holds a pod's
// sandbox open until it is told to stop. With the arguments of local-path-provisioner's helper
// (-p DIRECTORY -s BYTES -m MODE -a create|delete) it makes or removes the directory of a volume.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 1 {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
		<-stop
		return
	}
	if err := volume(); err != nil {
		fmt.Fprintln(os.Stderr, "failed to prepare the volume:", err)
		os.Exit(1)
	}
}

func volume() error {
	path := flag.String("p", "", "directory of the volume")
	action := flag.String("a", "", "create or delete")
	flag.String("s", "", "size in bytes, not enforced")
	flag.String("m", "", "volume mode, always Filesystem")
	flag.Parse()
	if *path == "" {
		return fmt.Errorf("-p is required")
	}
	switch *action {
	case "create":
		if err := os.MkdirAll(*path, 0o777); err != nil {
			return err
		}
		return os.Chmod(*path, 0o777) // The umask may have taken the write bits away.
	case "delete":
		return os.RemoveAll(*path)
	default:
		return fmt.Errorf("-a must be create or delete, not %q", *action)
	}
}
