// Package prometheusoperator names the API of which controller-gen makes CRDs, as its project's own build does.
package prometheusoperator

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
