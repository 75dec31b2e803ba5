module twofold.dev/cluster/node-image

go 1.26.0
