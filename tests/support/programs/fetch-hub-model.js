// Fetches a model of the hub that HF_ENDPOINT names with the built downloader: node fetch-hub-model.js hf:ORG/NAME
import { fetchHubModel } from '../../../dist/shared/weights/hub/fetch.js';

process.stdout.write(`${await fetchHubModel(process.argv[2], 'fp32', {})}\n`);
